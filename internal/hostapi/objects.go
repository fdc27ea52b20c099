package hostapi

import "github.com/picloud/picloud/rhai"

// The types of host values, by their type_of. They are compared by identity,
// and nothing else is kept in them.
var (
	fieldsType   = rhai.NewObjectType("fields")
	formType     = rhai.NewObjectType("form")
	requestType  = rhai.NewObjectType("request")
	responseType = rhai.NewObjectType("response")
	replyType    = rhai.NewObjectType("http_answer")
	secretType   = rhai.NewObjectType("secret").Shown(func(data any) string { return data.(*hidden).pieces.Visible() })
)

// objectSize is what a host value is charged for itself.
const objectSize = 64
