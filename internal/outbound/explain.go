package outbound

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/picloud/picloud/internal/picloud"
)

// explain is why a call has no answer, in words for whoever wrote the script.
func explain(ctx context.Context, call *Call, err error) error {
	var mine *picloud.Error
	if errors.As(err, &mine) {
		return mine
	}
	if errors.Is(context.Cause(ctx), errTime) {
		return failed("there was no whole answer within %v", call.Time)
	}
	why := cmp.Or(reason(err, call.MaxBytes), "there was no answer")
	return &picloud.Error{Code: picloud.CodeCallFailed, Message: why, Err: err}
}

// reason is what went wrong, or "".
func reason(err error, maxBytes int64) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errLong):
		return fmt.Sprintf("the answer has more than %d bytes", maxBytes)
	case errors.Is(err, errBusy):
		return "the server holds too many answers at the moment"
	case errors.Is(err, errBroken):
		return "the answer broke off"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no such host"
	case errors.As(err, &dns):
		return "the host could not be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there"
	case errors.Is(err, syscall.ECONNRESET):
		return "the connection was closed without an answer"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the host cannot be reached"
	case strings.Contains(err.Error(), "response headers exceeded"), strings.Contains(err.Error(), "header list"):
		return "the head of the answer is too long"
	}
	return tlsReason(err)
}

// tlsReason is what is wrong with a certificate, or with the encryption.
func tlsReason(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &unknown):
		return "the certificate is signed by nobody who is trusted"
	case errors.As(err, &name):
		return "the certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired, or is not valid yet"
	case errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.As(err, &record), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return "the server does not speak TLS there: the address may begin with http://"
	case errors.As(err, &alert):
		return "the server refused the TLS connection"
	}
	return ""
}
