package store

import (
	"crypto/rand"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// testBlock is a block as it is read, and as it is before it is written.
func testBlock(n int) (block, *growing) {
	ids := picloud.NewIDs(time.Now, rand.Reader)
	var b block
	g := &growing{}
	for i := range n {
		b = append(b, picloud.Invocation{
			ID: ids.New(), Seq: int64(10 + 3*i), AppID: "a", App: "app", ScriptID: "s", Script: "script", Version: i % 3,
			Trigger: picloud.TriggerHTTP, Status: picloud.StatusOK, Method: "GET", Path: "/x", HTTPStatus: 200,
			StartedAt: time.UnixMicro(1_700_000_000_000_000 - int64(i)).UTC(), Duration: 12345, Operations: 7,
		})
	}
	for i := range b {
		v, _ := pack(&picloud.Record{Invocation: b[i]}, b[i].Seq)
		g.list = append(g.list, v)
	}
	return b, g
}

func TestBlockComesBack(t *testing.T) {
	b, g := testBlock(1000)
	data := g.encode()
	got, err := decodeBlock(data)
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Fatalf("%v: %+v", err, got[:1])
	}
	t.Logf("%d bytes an invocation", len(data)/len(b))
	for n := range data[:200] {
		if _, err := decodeBlock(data[:n]); err == nil {
			t.Errorf("the first %d bytes pass for a block", n)
		}
	}
}

func FuzzDecodeBlock(f *testing.F) {
	_, g := testBlock(3)
	f.Add(g.encode())
	f.Add([]byte{blockFormat})
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := decodeBlock(data); err == nil && len(b) > len(data) {
			t.Errorf("%d invocations in %d bytes", len(b), len(data))
		}
	})
}

// TestHistoryDoesNotSlowRecording sees to it that what is asked for each batch
// is found by its time, and not by reading all that a script has ever done.
func TestHistoryDoesNotSlowRecording(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	for query, index := range map[string]string{
		packedThen: "blocks_started", rowsThen: "invocations_started",
		packedAt("app_id = "): "blocks_started", packedAt("script_id = "): "blocks_started",
	} {
		var id, parent, unused int
		var plan string
		if err := s.reader.QueryRow("EXPLAIN QUERY PLAN "+query, 1, 2, 3, "x").Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, index) {
			t.Errorf("%s\ngoes by %q, want the index %s", query, plan, index)
		}
	}
}

// BenchmarkRecords is the cost of a record in a full batch, packed and as a row.
func BenchmarkRecords(b *testing.B) {
	for _, form := range []string{"packed", "rows"} {
		b.Run(form, func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "picloud.db"))
			ids := picloud.NewIDs(time.Now, rand.Reader)
			batch := make([]picloud.Record, 1000)
			b.ReportAllocs()
			for b.Loop() {
				for i := range batch {
					batch[i].Invocation = picloud.Invocation{
						ID: ids.New(), AppID: "a", App: "a", ScriptID: "s", Script: "s", Version: 1, Trigger: picloud.TriggerHTTP,
						Status: picloud.StatusOK, Method: "GET", Path: "/hello", HTTPStatus: 200, StartedAt: time.Now(), Duration: 12345,
					}
					if form == "rows" {
						batch[i].Invocation.LogsCut = true // which is not packed
					}
				}
				if err := s.AddRecords(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/record")
			b.ReportMetric(0, "ns/op")
		})
	}
}
