package wire

import "github.com/picloud/picloud/internal/picloud"

// appendStream writes what goes on in place of a response's body.
func appendStream(b []byte, s *picloud.TopicStream) []byte {
	if b = appendBool(b, s != nil); s == nil {
		return b
	}
	b = appendText(appendText(appendText(b, s.Topic), s.Key), s.Event)
	return appendInt(appendInt(b, int64(s.Last)), s.After)
}

func (d *decoder) stream() *picloud.TopicStream {
	if !d.bool() || d.err != nil {
		return nil
	}
	s := &picloud.TopicStream{Topic: d.text(), Key: d.text(), Event: d.text(), Last: d.small(), After: d.int()}
	if err := s.Validate(); err != nil {
		d.fail("a stream: %v", err)
	}
	return s
}
