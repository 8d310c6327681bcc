package dump

import (
	"encoding/base64"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/pickle"
)

// Node is a value in JSON. Type is None, bool, int, long, float, str, unicode, list, tuple, dict, class, instance,
// call, or again for an object inside itself.
type Node struct {
	Type string `json:"type"`
	// Value is the value of a scalar; numbers without an exact form in JSON are strings.
	Value any `json:"value,omitempty"`
	// Base64 is the value of a str that is not UTF-8.
	Base64 string     `json:"base64,omitempty"`
	Hidden bool       `json:"hidden,omitempty"`
	Items  []*Node    `json:"items,omitempty"`
	Pairs  [][2]*Node `json:"pairs,omitempty"`
	Class  string     `json:"class,omitempty"`
	Args   *Node      `json:"args,omitempty"`
	State  *Node      `json:"state,omitempty"`
}

// Document is a file in JSON.
type Document struct {
	File    string  `json:"file"`
	Pickles []*Node `json:"pickles"`
	Error   string  `json:"error,omitempty"`
}

// Read puts all pickles in b into a document. The error for a pickle that cannot be read is in the document, and is
// returned.
func Read(name string, b []byte, o Options) (Document, error) {
	d := Document{File: name, Pickles: []*Node{}}
	err := each(name, b, func(_, _, _ int, v pickle.Value) error {
		n := noder{o, map[pickle.Value]bool{}, collect(v)}
		d.Pickles = append(d.Pickles, n.node(v, false))
		return nil
	})
	if err != nil {
		d.Error = err.Error()
	}

	return d, err
}

type noder struct {
	o       Options
	open    map[pickle.Value]bool
	secrets map[*pickle.Tuple]bool
}

func (n noder) node(v pickle.Value, secret bool) *Node {
	// secret means that the value is a password. Options may ask to show passwords.
	secret = secret && !n.o.Secrets
	switch v := v.(type) {
	case nil:
		return &Node{Type: "None"}
	case bool:
		return &Node{Type: "bool", Value: v}
	case pickle.Int:
		// JSON's numbers are floats in most readers: larger ints and all longs go out as text.
		if v > 1<<53 || v < -1<<53 {
			return &Node{Type: "int", Value: pickle.Repr(v, 40)}
		}
		return &Node{Type: "int", Value: int64(v)}
	case *big.Int:
		return &Node{Type: "long", Value: v.String()}
	case float64:
		// JSON has no NaN and no infinity.
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &Node{Type: "float", Value: pickle.Repr(v, 40)}
		}
		return &Node{Type: "float", Value: v}
	case pickle.Str:
		switch {
		case secret:
			return &Node{Type: "str", Hidden: true}
		// A str is bytes; JSON's strings must be valid UTF-8.
		case !utf8.ValidString(string(v)):
			return &Node{Type: "str", Base64: base64.StdEncoding.EncodeToString([]byte(v))}
		}
		return &Node{Type: "str", Value: string(v)}
	case pickle.Unicode:
		if secret {
			return &Node{Type: "unicode", Hidden: true}
		}
		return &Node{Type: "unicode", Value: strings.ToValidUTF8(string(v), "\ufffd")}
	case *pickle.Global:
		return &Node{Type: "class", Class: v.String()}
	}

	// A value inside itself. A value in two places is written twice.
	if n.open[v] {
		return &Node{Type: "again"}
	}
	n.open[v] = true
	defer delete(n.open, v)

	// Containers pass secret on to all that they hold.
	switch v := v.(type) {
	case *pickle.List:
		return &Node{Type: "list", Items: n.items(v.Items, secret, false)}
	case *pickle.Tuple:
		return &Node{Type: "tuple", Items: n.items(v.Items, secret, n.secrets[v])}
	case *pickle.Dict:
		return &Node{Type: "dict", Pairs: n.pairs(v, secret)}
	case *pickle.Instance:
		return n.object(&Node{Type: "instance", Class: v.Class.String()}, v.Args, v.ListItems, v.DictItems, v.State, v.HasState, secret)
	case *pickle.Reduce:
		node := &Node{Type: "call"}
		if g, ok := v.Func.(*pickle.Global); ok {
			node.Class = g.String()
		}
		return n.object(node, v.Args, v.ListItems, v.DictItems, v.State, v.HasState, secret)
	}

	return &Node{Type: "unknown"}
}

func (n noder) items(items []pickle.Value, secret, record bool) []*Node {
	nodes := make([]*Node, len(items))
	for i, it := range items {
		nodes[i] = n.node(it, secret || record && i == passwordAt)
	}
	return nodes
}

func (n noder) pairs(d *pickle.Dict, secret bool) [][2]*Node {
	var pairs [][2]*Node
	for _, k := range sorted(d) {
		v, _ := d.Get(k)
		pairs = append(pairs, [2]*Node{n.node(k, false), n.node(v, secret || secretKey(k))})
	}
	return pairs
}

func (n noder) object(to *Node, args *pickle.Tuple, list []pickle.Value, dict *pickle.Dict, state pickle.Value, has bool, secret bool) *Node {
	if args != nil {
		to.Args = n.node(args, secret)
	}

	if len(list) > 0 {
		to.Items = n.items(list, secret, false)
	}

	if dict != nil {
		to.Pairs = n.pairs(dict, secret)
	}

	if has {
		to.State = n.node(state, secret)
	}

	return to
}
