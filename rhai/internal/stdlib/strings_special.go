package stdlib

// upperLong are the characters whose upper case is more than one character, as
// Unicode's SpecialCasing.txt lists them without conditions.
func upperLong(r rune) string {
	switch r {
	case 0xdf:
		return "\u0053\u0053"
	case 0x149:
		return "\u02bc\u004e"
	case 0x1f0:
		return "\u004a\u030c"
	case 0x390, 0x1fd3:
		return "\u0399\u0308\u0301"
	case 0x3b0, 0x1fe3:
		return "\u03a5\u0308\u0301"
	case 0x587:
		return "\u0535\u0552"
	case 0x1e96:
		return "\u0048\u0331"
	case 0x1e97:
		return "\u0054\u0308"
	case 0x1e98:
		return "\u0057\u030a"
	case 0x1e99:
		return "\u0059\u030a"
	case 0x1e9a:
		return "\u0041\u02be"
	case 0x1f50:
		return "\u03a5\u0313"
	case 0x1f52:
		return "\u03a5\u0313\u0300"
	case 0x1f54:
		return "\u03a5\u0313\u0301"
	case 0x1f56:
		return "\u03a5\u0313\u0342"
	case 0x1f80, 0x1f88:
		return "\u1f08\u0399"
	case 0x1f81, 0x1f89:
		return "\u1f09\u0399"
	case 0x1f82, 0x1f8a:
		return "\u1f0a\u0399"
	case 0x1f83, 0x1f8b:
		return "\u1f0b\u0399"
	case 0x1f84, 0x1f8c:
		return "\u1f0c\u0399"
	case 0x1f85, 0x1f8d:
		return "\u1f0d\u0399"
	case 0x1f86, 0x1f8e:
		return "\u1f0e\u0399"
	case 0x1f87, 0x1f8f:
		return "\u1f0f\u0399"
	case 0x1f90, 0x1f98:
		return "\u1f28\u0399"
	case 0x1f91, 0x1f99:
		return "\u1f29\u0399"
	case 0x1f92, 0x1f9a:
		return "\u1f2a\u0399"
	case 0x1f93, 0x1f9b:
		return "\u1f2b\u0399"
	case 0x1f94, 0x1f9c:
		return "\u1f2c\u0399"
	case 0x1f95, 0x1f9d:
		return "\u1f2d\u0399"
	case 0x1f96, 0x1f9e:
		return "\u1f2e\u0399"
	case 0x1f97, 0x1f9f:
		return "\u1f2f\u0399"
	case 0x1fa0, 0x1fa8:
		return "\u1f68\u0399"
	case 0x1fa1, 0x1fa9:
		return "\u1f69\u0399"
	case 0x1fa2, 0x1faa:
		return "\u1f6a\u0399"
	case 0x1fa3, 0x1fab:
		return "\u1f6b\u0399"
	case 0x1fa4, 0x1fac:
		return "\u1f6c\u0399"
	case 0x1fa5, 0x1fad:
		return "\u1f6d\u0399"
	case 0x1fa6, 0x1fae:
		return "\u1f6e\u0399"
	case 0x1fa7, 0x1faf:
		return "\u1f6f\u0399"
	case 0x1fb2:
		return "\u1fba\u0399"
	case 0x1fb3, 0x1fbc:
		return "\u0391\u0399"
	case 0x1fb4:
		return "\u0386\u0399"
	case 0x1fb6:
		return "\u0391\u0342"
	case 0x1fb7:
		return "\u0391\u0342\u0399"
	case 0x1fc2:
		return "\u1fca\u0399"
	case 0x1fc3, 0x1fcc:
		return "\u0397\u0399"
	case 0x1fc4:
		return "\u0389\u0399"
	case 0x1fc6:
		return "\u0397\u0342"
	case 0x1fc7:
		return "\u0397\u0342\u0399"
	case 0x1fd2:
		return "\u0399\u0308\u0300"
	case 0x1fd6:
		return "\u0399\u0342"
	case 0x1fd7:
		return "\u0399\u0308\u0342"
	case 0x1fe2:
		return "\u03a5\u0308\u0300"
	case 0x1fe4:
		return "\u03a1\u0313"
	case 0x1fe6:
		return "\u03a5\u0342"
	case 0x1fe7:
		return "\u03a5\u0308\u0342"
	case 0x1ff2:
		return "\u1ffa\u0399"
	case 0x1ff3, 0x1ffc:
		return "\u03a9\u0399"
	case 0x1ff4:
		return "\u038f\u0399"
	case 0x1ff6:
		return "\u03a9\u0342"
	case 0x1ff7:
		return "\u03a9\u0342\u0399"
	case 0xfb00:
		return "\u0046\u0046"
	case 0xfb01:
		return "\u0046\u0049"
	case 0xfb02:
		return "\u0046\u004c"
	case 0xfb03:
		return "\u0046\u0046\u0049"
	case 0xfb04:
		return "\u0046\u0046\u004c"
	case 0xfb05, 0xfb06:
		return "\u0053\u0054"
	case 0xfb13:
		return "\u0544\u0546"
	case 0xfb14:
		return "\u0544\u0535"
	case 0xfb15:
		return "\u0544\u053b"
	case 0xfb16:
		return "\u054e\u0546"
	case 0xfb17:
		return "\u0544\u053d"
	}
	return ""
}
