package telemetry

import (
	"errors"
	"net/url"
)

// tracesURL completes a receiver's base URL.
func tracesURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", errors.New("telemetry: the OTLP address must be an http or https URL")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}
