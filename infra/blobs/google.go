package blobs

import (
	"context"
	"net/url"

	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
)

// lazyGoogle opens gs:// URLs with the default credentials, which it looks for only then:
// elsewhere there is no metadata server to ask.
type lazyGoogle struct{}

func (lazyGoogle) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	credentials, err := gcp.DefaultCredentials(ctx)
	if err != nil {
		return nil, err
	}
	client, err := gcp.NewHTTPClient(gcp.DefaultTransport(), gcp.CredentialsTokenSource(credentials))
	if err != nil {
		return nil, err
	}
	return (&gcsblob.URLOpener{Client: client}).OpenBucketURL(ctx, u)
}
