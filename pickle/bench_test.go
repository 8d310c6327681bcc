package pickle_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

// bigDict is like a list of n members: dicts by address, as cPickle writes them.
func bigDict(n int) *pickle.Dict {
	d := pickle.NewDict()
	en := pickle.Value(pickle.Str("en"))
	for _, name := range []string{"members", "passwords", "language", "user_options", "bounce_info"} {
		items := pickle.NewDict()
		for i := range n {
			key := pickle.Str(fmt.Sprintf("user%06d@host%03d.example.net", i, i%500))
			var v pickle.Value = pickle.Int(i % 300)

			switch name {
			case "passwords":
				v = pickle.Str(fmt.Sprintf("pw%06d", i))
			case "language":
				v = en
			case "bounce_info":
				if i%50 > 0 {
					continue
				}
				in := pickle.NewOldInstance("Mailman.Bouncer", "_BounceInfo")
				in.SetAttr("member", pickle.Str(strings.Clone(string(key))))
				in.SetAttr("score", 1.5)
				in.SetAttr("date", pickle.NewTuple(pickle.Int(2026), pickle.Int(11), pickle.Int(24)))
				v = in
			}

			items.Set(key, v)
		}

		d.SetStr(name, items)
	}

	return d
}

// protocols runs a benchmark with such a dict in each protocol.
func protocols(b *testing.B, fn func(b *testing.B, d *pickle.Dict, proto int, p []byte)) {
	d := bigDict(100000)
	for proto := range 3 {
		p, err := pickle.Dump(d, proto)
		if err != nil {
			b.Fatal(err)
		}

		b.Run(fmt.Sprintf("protocol=%d", proto), func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			fn(b, d, proto, p)
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	protocols(b, func(b *testing.B, d *pickle.Dict, proto int, p []byte) {
		for b.Loop() {
			if _, _, err := pickle.Load(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDump(b *testing.B) {
	protocols(b, func(b *testing.B, d *pickle.Dict, proto int, p []byte) {
		for b.Loop() {
			if _, err := pickle.Dump(d, proto); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenDocument(b *testing.B) {
	protocols(b, func(b *testing.B, d *pickle.Dict, proto int, p []byte) {
		for b.Loop() {
			if _, err := pickle.OpenDocument(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkIndex measures the first look at each dict of a document.
func BenchmarkIndex(b *testing.B) {
	protocols(b, func(b *testing.B, d *pickle.Dict, proto int, p []byte) {
		for b.Loop() {
			b.StopTimer()
			doc, err := pickle.OpenDocument(p)
			if err != nil {
				b.Fatal(err)
			}

			b.StartTimer()
			for _, key := range doc.Keys() {
				if _, err := doc.Dict(key); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkWriteTo writes a document in which 5,000 items have been changed.
func BenchmarkWriteTo(b *testing.B) {
	protocols(b, func(b *testing.B, d *pickle.Dict, proto int, p []byte) {
		doc, err := pickle.OpenDocument(p)
		if err != nil {
			b.Fatal(err)
		}

		if proto == 0 {
			doc.SetProtocol(0)
		}

		view, err := doc.Dict("user_options")
		if err != nil {
			b.Fatal(err)
		}

		for i := range 5000 {
			view.Set(fmt.Sprintf("user%06d@host%03d.example.net", i*20, i*20%500), pickle.Int(i))
		}
		for b.Loop() {
			if _, err := doc.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
}
