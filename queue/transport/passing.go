package transport

import "gocloud.dev/gcerrors"

// passing reports whether an error of Send says nothing against the connection.
func passing(err error) bool {
	switch gcerrors.Code(err) {
	case gcerrors.ResourceExhausted, gcerrors.InvalidArgument, gcerrors.Canceled:
		return true
	}
	return false
}
