package value

import "unicode/utf8"

// jsonText writes a text as a JSON string.
func (p *printer) jsonText(s string) error {
	if err := p.room(2); err != nil {
		return err
	}
	p.dst = append(p.dst, '"')
	const piece = 256
	for len(s) > 0 {
		n := cutText(s, piece)
		// Six bytes at most for one: \u001f.
		if err := p.room(6*n + 1); err != nil {
			return err
		}
		p.dst = appendJSONText(p.dst, s[:n])
		s = s[n:]
	}
	p.dst = append(p.dst, '"')
	return nil
}

func appendJSONText(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plainASCII(c) || c == 0x7f {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			// Scripts cannot make ill-formed text; embedders might.
			if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendJSONEscape(dst, c)
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

func appendJSONEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\ufffd"...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
