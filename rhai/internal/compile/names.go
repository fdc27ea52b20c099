package compile

import (
	"sort"

	"github.com/picloud/picloud/rhai/internal/syntax"
)

// sortedKeys gives the keys of a map literal in order, and for each entry its
// place among them.
func sortedKeys(entries []syntax.MapEntry) (keys []string, place []int) {
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return entries[order[a]].Key < entries[order[b]].Key })
	keys, place = make([]string, len(entries)), make([]int, len(entries))
	for at, i := range order {
		keys[at], place[i] = entries[i].Key, at
	}
	return keys, place
}

// Suggest gives the name among known that name is most likely a slip of the
// pen for, or "".
func Suggest(name string, known []string) string {
	best, limit := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := distance(name, k, limit); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// distance is the number of single-character edits between a and b, swaps of
// neighbours counting one, or limit when it is at least that.
func distance(a, b string, limit int) int {
	if a == b || len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 64 || len(b) > 64 {
		if a == b {
			return 0
		}
		return limit
	}
	var before, prev, row [66]int
	for j := range len(b) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, prev[j]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev = prev, row
	}
	return min(prev[len(b)], limit)
}
