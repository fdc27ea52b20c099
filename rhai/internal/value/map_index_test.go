package value

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestLargeMaps compares maps beyond smallMap with Go's through a long random
// life: with few keys, so that they come and go, and with many, so that the
// index grows.
func TestLargeMaps(t *testing.T) {
	t.Parallel()
	for _, keys := range []int{20, 90, 5000} {
		rnd := rand.New(rand.NewPCG(1, uint64(keys)))
		h := new(Heap)
		v := h.NewMap()
		want := map[string]int64{}
		for step := range 20_000 {
			k := "key" + strconv.Itoa(rnd.IntN(keys))
			switch _, had := want[k]; {
			case rnd.IntN(3) == 0:
				if got := v.Map().Delete(k); got.IsInt() != had {
					t.Fatalf("Delete(%s) = %v, there was one: %v", k, got.Kind(), had)
				}
				delete(want, k)
			case rnd.IntN(200) == 0:
				v.Ref.Flags |= Shared // a clone must be as good
				if _, err := h.OwnMap(&v); err != nil {
					t.Fatal(err)
				}
			default:
				if err := v.Map().Set(h, k, Int(int64(step))); err != nil {
					t.Fatal(err)
				}
				want[k] = int64(step)
			}
			got, ok := v.Map().Get(k)
			if n, has := want[k]; ok != has || ok && got.Int() != n {
				t.Fatalf("step %d: Get(%s) = %v, %v; want %d, %v", step, k, got, ok, n, has)
			}
		}
		if v.Map().Len() != len(want) {
			t.Fatalf("%d keys: Len = %d, want %d", keys, v.Map().Len(), len(want))
		}
		last := ""
		for k, x := range v.Map().All() {
			if k <= last || x.Int() != want[k] {
				t.Errorf("%s = %d after %s, want %d", k, x.Int(), last, want[k])
			}
			last = k
		}
	}
}
