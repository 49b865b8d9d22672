package problem

import (
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/spec"
)

// ruleWords are what a clerk calls the conditions of a crop, in English and Chinese: a document's rules,
// and what the picture's edges ask for.
var ruleWords = map[string][2]string{
	spec.HeadHeight:    {"the head's height from chin to crown", "头部高度（下巴至头顶）"},
	spec.HairHeight:    {"the head's height with the hair", "含头发的头部高度"},
	spec.EyeLine:       {"the eyes' height above the lower edge", "眼睛距照片下边缘的高度"},
	spec.CrownGap:      {"the space above the head", "头顶上方的留白"},
	spec.HairGap:       {"the space above the hair", "头发上方的留白"},
	spec.ChinGap:       {"the space below the chin", "下巴以下的留白"},
	spec.HeadWidth:     {"the head's width", "头部宽度"},
	spec.FaceWidth:     {"the face's width", "面部宽度"},
	spec.PupilDistance: {"the distance between the pupils", "两眼瞳孔的距离"},
	spec.EyesFromLeft:  {"the eyes' distance from the left edge", "双眼中点距左边缘的距离"},
	spec.FaceFromSide:  {"the face's distance from both sides", "面部中线距两侧的距离"},
	spec.SideGap:       {"the space beside the head", "头部两侧的留白"},
	spec.Centring:      {"the head in the middle", "头部居中"},

	geometry.BodyBottom:  {"the body down to the lower edge (the picture ends above)", "身体须到达照片下边缘（原图下方不够）"},
	geometry.BodyLeft:    {"the whole body on the left (the picture's edge cuts it)", "左侧身体须完整（被原图边缘截断）"},
	geometry.BodyRight:   {"the whole body on the right (the picture's edge cuts it)", "右侧身体须完整（被原图边缘截断）"},
	geometry.PictureEdge: {"the picture's own background on the whole photo (there is too little around the head)", "照片须全部由原图背景覆盖（原图四周不够）"},
}

// ruleWord is what people call a rule; its id where a newer version of the program has named it.
func ruleWord(id string, lang Language) string {
	words, ok := ruleWords[id]
	switch {
	case !ok:
		return id
	case lang == Chinese:
		return words[1]
	}
	return words[0]
}
