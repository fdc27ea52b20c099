package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
)

// blobParts registers what takes a part of a blob, by the rules of arrayParts.
func blobParts(r *native.Registry) {
	extract := []*native.Func{
		def("extract(blob, start)", "A new blob of the bytes from `start` on.", blobExtract, blob, integer),
		def("extract(blob, start, count)", "A new blob of `count` bytes from `start` on.", blobExtract, blob, integer, integer),
		def("extract(blob, range)", "A new blob of a range of bytes.", blobExtract, blob, rangeOf),
	}
	for _, f := range extract {
		f.RefusesConst = true
	}
	r.Add(extract...)
	r.Add(
		mutating("splice(blob, start, count, other)", "Replaces `count` bytes from `start` on by those of another blob, which go to the end when nothing is replaced.", blobSplice, blob, integer, integer, blob),
		mutating("splice(blob, range, other)", "Replaces a range of bytes by those of another blob, which go to the end when nothing is replaced.", blobSplice, blob, rangeOf, blob),
		mutating("split(blob, index)", "Cuts the blob in two and returns the second part.", blobSplit, blob, integer),
		mutating("drain(blob, start, count)", "Removes `count` bytes from `start` on and returns them.", blobDrain, blob, integer, integer),
		mutating("drain(blob, range)", "Removes a range of bytes and returns them.", blobDrain, blob, rangeOf),
		mutating("retain(blob, start, count)", "Keeps `count` bytes from `start` on and returns the others.", blobRetain, blob, integer, integer),
		mutating("retain(blob, range)", "Keeps a range of bytes and returns the others.", blobRetain, blob, rangeOf),
	)
}

func blobExtract(c *native.Call) error {
	at, n, _ := span(c, len(c.Recv.Blob().B))
	return copyBytes(c, at, n)
}

// copyBytes makes n bytes of the receiver at position at the result.
func copyBytes(c *native.Call, at, n int) error {
	if err := chargeBytes(c, n); err != nil {
		return err
	}
	out, err := makeBlob(c, n)
	if err != nil {
		return err
	}
	return c.Return(c.Heap.NewBlob(append(out, c.Recv.Blob().B[at:at+n]...)))
}

func blobSplice(c *native.Call) error {
	have := len(c.Recv.Blob().B)
	at, n, _ := span(c, have)
	if n == 0 {
		at = have
	}
	return replaceBytes(c, at, n, c.Rest[len(c.Rest)-1].Blob().B)
}

func blobSplit(c *native.Call) error {
	have := len(c.Recv.Blob().B)
	at, _ := offset(have, c.Rest[0].Int(), 0)
	return moveBytes(c, at, have-at)
}

func blobDrain(c *native.Call) error {
	at, n, _ := span(c, len(c.Recv.Blob().B))
	return moveBytes(c, at, n)
}

// moveBytes moves n bytes at position at to a new blob, the result.
func moveBytes(c *native.Call, at, n int) error {
	if err := copyBytes(c, at, n); err != nil || n == 0 {
		return err
	}
	return replaceBytes(c, at, n, nil)
}

func blobRetain(c *native.Call) error {
	b := c.Recv.Blob().B
	at, n, wanted := span(c, len(b))
	if wanted <= 0 {
		return copyBytes(c, 0, 0) // and keep everything, as native does
	}
	if n == 0 {
		return moveBytes(c, 0, len(b))
	}
	if err := chargeBytes(c, len(b)); err != nil {
		return err
	}
	out, err := makeBlob(c, len(b)-n)
	if err != nil {
		return err
	}
	c.Result = c.Heap.NewBlob(append(append(out, b[:at]...), b[at+n:]...))
	kept, err := ownedBlob(c)
	if err != nil {
		return err
	}
	kept.B = kept.B[:copy(kept.B, kept.B[at:at+n])]
	return nil
}
