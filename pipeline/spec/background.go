package spec

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"idphoto/pipeline/fault"
)

// Background is what stands behind the person. The zero value is not valid: use ParseBackground.
type Background struct {
	Kind  BackgroundKind
	Color color.RGBA // for Solid; opaque
}

// BackgroundKind tells the three ways to treat what was behind the person.
type BackgroundKind int

const (
	Solid       BackgroundKind = iota + 1 // replaced by one colour
	Original                              // kept as it is
	Transparent                           // removed; the photo is a PNG
)

// NamedColor is a colour a customer can ask for by name.
type NamedColor struct {
	Name    string
	Aliases []string
	Color   color.RGBA
}

// Colors are the named backgrounds. The blue is the one Chinese studios use (#438EDB).
var Colors = []NamedColor{
	{"white", []string{"白", "白色"}, color.RGBA{255, 255, 255, 255}},
	{"red", []string{"红", "红色"}, color.RGBA{255, 0, 0, 255}},
	{"blue", []string{"蓝", "蓝色"}, color.RGBA{0x43, 0x8e, 0xdb, 255}},
	{"dark-blue", []string{"深蓝", "深蓝色", "darkblue"}, color.RGBA{0x1f, 0x4e, 0x9c, 255}},
	{"light-blue", []string{"浅蓝", "浅蓝色", "lightblue"}, color.RGBA{0xa9, 0xcf, 0xf0, 255}},
	{"grey", []string{"灰", "灰色", "浅灰", "gray"}, color.RGBA{0xe4, 0xe4, 0xe4, 255}},
}

// ParseBackground reads a colour's name, #RRGGBB, "original" or "transparent"; "" is blue. Others
// are fault.UnknownBackground.
func ParseBackground(s string) (Background, error) {
	name := fold(s)
	switch name {
	case "":
		name = "blue"
	case "original", "原背景":
		return Background{Kind: Original}, nil
	case "transparent", "透明":
		return Background{Kind: Transparent}, nil
	}
	for _, c := range Colors {
		if name == c.Name {
			return Background{Solid, c.Color}, nil
		}
		for _, a := range c.Aliases {
			if name == a {
				return Background{Solid, c.Color}, nil
			}
		}
	}
	if hex, ok := strings.CutPrefix(name, "#"); ok && len(hex) == 6 {
		if v, err := strconv.ParseUint(hex, 16, 32); err == nil {
			return Background{Solid, color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}}, nil
		}
	}
	return Background{}, fault.New(fault.UnknownBackground, nil)
}

// String returns a form that ParseBackground reads.
func (b Background) String() string {
	switch b.Kind {
	case Original:
		return "original"
	case Transparent:
		return "transparent"
	case Solid:
		return fmt.Sprintf("#%02X%02X%02X", b.Color.R, b.Color.G, b.Color.B)
	}
	return ""
}
