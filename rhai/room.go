package rhai

// Room reports whether n more bytes fit into the run's memory, as an error to
// return when they do not. A function asks before it allocates what a script
// has chosen the size of; making the value then charges for it.
func (h heap) Room(n int) error {
	if err := h.h.Reserve(n); err != nil {
		return err
	}
	h.h.Refund(n)
	return nil
}
