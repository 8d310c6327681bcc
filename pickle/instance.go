package pickle

// InstanceKind says by which opcodes an instance is made.
type InstanceKind uint8

const (
	// OldStyle is an instance of a class without a new-style base, like all classes of Mailman and the email package:
	// INST in protocol 0, OBJ in 1 and 2.
	OldStyle InstanceKind = iota
	// NewStyle is an object made by cls.__new__(cls, *args): NEWOBJ, which only
	// protocol 2 has.
	NewStyle
	// Reconstructed is a new-style object in protocols 0 and 1, made by
	// copy_reg._reconstructor(cls, base, state).
	Reconstructed
)

// Instance is an instance of a class. The class is never imported or called.
type Instance struct {
	Class Global
	Kind  InstanceKind
	// Args are the arguments it is made with: those of __init__ for OldStyle
	// (nil unless the class has __getinitargs__), those of __new__ after the
	// class for NewStyle, and the whole (cls, base, state) for Reconstructed.
	Args *Tuple
	// State is BUILD's argument: usually the object's __dict__ as a *Dict, or a tuple of that and the slots, or the
	// value of __getstate__.
	State Value
	// HasState tells a State of None from a missing one.
	HasState bool
	// ListItems and DictItems are the items of a subclass of list or dict.
	ListItems []Value
	DictItems *Dict
}

// NewOldInstance returns an instance of an old-style class with no attributes.
func NewOldInstance(module, name string) *Instance {
	return &Instance{Class: Global{module, name}, State: NewDict(), HasState: true}
}

// attrs returns the instance's __dict__, or nil where its state is not one.
func (in *Instance) attrs() *Dict {
	switch s := in.State.(type) {
	case *Dict:
		return s
	case *Tuple:
		if len(s.Items) == 2 {
			d, _ := s.Items[0].(*Dict)
			return d
		}
	}

	return nil
}

// Attr returns an attribute from the instance's own __dict__; class attributes are not known here.
func (in *Instance) Attr(name string) (Value, bool) {
	d := in.attrs()
	if d == nil {
		return nil, false
	}
	return d.GetStr(name)
}

// SetAttr sets an attribute. An instance whose state is not a __dict__ gets one, and loses its state.
func (in *Instance) SetAttr(name string, v Value) {
	d := in.attrs()
	if d == nil {
		d = NewDict()
		in.State, in.HasState = d, true
	}
	d.SetStr(name, v)
}

// DelAttr removes an attribute and reports whether it was there.
func (in *Instance) DelAttr(name string) bool {
	d := in.attrs()
	return d != nil && d.Delete(Str(name))
}

// Reduce is an object that is made by calling a function: a result of __reduce__ that is neither a NewStyle nor a
// Reconstructed [Instance]. A set, for example, is __builtin__.set([...]).
type Reduce struct {
	Func Value // usually a *Global
	Args *Tuple
	// State, HasState, ListItems and DictItems are as in Instance.
	State     Value
	HasState  bool
	ListItems []Value
	DictItems *Dict
}

// plain tells whether object.__new__ made the object, without a value of a base class.
func (in *Instance) plain() bool {
	if in.Kind == NewStyle {
		return true
	}
	if in.Kind != Reconstructed || in.Args == nil || len(in.Args.Items) != 3 || in.Args.Items[2] != nil {
		return false
	}
	base, ok := in.Args.Items[1].(*Global)
	return ok && *base == object
}
