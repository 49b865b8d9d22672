package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"idphoto/functions/problem"
	"idphoto/pipeline"
	"idphoto/pipeline/check"
)

// tellChecks says in words what is not as it should be on a photo that was made: why somebody
// should look at it, and every check that is not passed. What is only stated and not asked for stands
// in the report, and so does what was wrong with a background that is no longer there.
func tellChecks(w io.Writer, res *pipeline.Result, lang problem.Language) error {
	say := checkWords[lang]
	var lines []string
	if h := res.Held; h != nil {
		text := problem.Explain(h.Code, h.Detail, lang)
		lines = append(lines, fmt.Sprintf("%s: %s %s (%s)", say["held"], text.Sentence, text.Advice, h.Code))
	}
	for _, c := range res.Report.Rules {
		if c.Verdict != string(check.Pass) {
			lines = append(lines, checkLine(lang, c.Verdict, c.Measure, c.Value, "mm", &c.Min, c.Max))
		}
	}
	if t := res.Report.Tilt; t.Verdict != string(check.Pass) {
		lines = append(lines, checkLine(lang, t.Verdict, "tilt", t.Value, "degrees", nil, &t.Max))
	}
	replaced := res.Report.Background != "original"
	for _, f := range res.Report.Quality {
		if f.Verdict == check.Pass || f.Verdict == check.Note && !f.Asked || replaced && strings.HasPrefix(f.Measure, "background_") {
			continue
		}
		text := checkLine(lang, string(f.Verdict), f.Measure, f.Value, f.Unit, f.Min, f.Max)
		if !f.Asked {
			text += say["unasked"]
		}
		lines = append(lines, text)
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// checkLine is one check in words.
func checkLine(lang problem.Language, verdict, measure string, value float64, unit string, lo, hi *float64) string {
	say, limits := checkWords[lang], band(lo, hi)
	if lang == problem.Chinese {
		limits = strings.ReplaceAll(limits, " to ", " 至 ")
		if u, ok := chineseUnits[unit]; ok {
			unit = u
		}
	}
	v := strings.TrimSpace(strconv.FormatFloat(value, 'g', 4, 64) + " " + unit)
	return fmt.Sprintf("%s: %s: %s (%s %s)", say[verdict], measureName(measure, lang), v, say["wanted"], limits)
}

// chineseUnits are the units that have another name in Chinese.
var chineseUnits = map[string]string{
	"degrees": "度", "faces": "张", "line pairs per eye distance": "线对/眼距", "photo pixels per picture pixel": "倍", "levels": "级",
	"of 100": "/ 100", "stops": "档", "steps of a* and b*": "", "chroma": "",
}

var checkWords = map[problem.Language]map[string]string{
	problem.English: {"held": "look at it before use", "warn": "warning", "fail": "fails", "note": "note", "wanted": "wanted", "unasked": "; the document does not ask"},
	problem.Chinese: {"held": "使用前请人工确认", "warn": "警告", "fail": "不合格", "note": "提示", "wanted": "要求", "unasked": "；该证件对此没有规定"},
}

// measureName is what people call a measure; its own name where it has none.
func measureName(measure string, lang problem.Language) string {
	names, ok := measureNames[measure]
	switch {
	case !ok:
		return measure
	case lang == problem.Chinese:
		return names[1]
	}
	return names[0]
}

// measureNames are those of package check's measures and of a document's rules, in English and
// Chinese.
var measureNames = map[string][2]string{
	"head_height":             {"head's height", "头部高度"},
	"hair_height":             {"head's height with the hair", "含头发的头部高度"},
	"head_width":              {"head's width", "头部宽度"},
	"face_width":              {"face's width", "面部宽度"},
	"pupil_distance":          {"pupils' distance", "瞳孔间距"},
	"eyes_from_left":          {"eyes from the left edge", "双眼中点距左边缘"},
	"face_from_side":          {"face from the sides", "面部距两侧"},
	"side_gap":                {"space beside the head", "头部两侧留白"},
	"centring":                {"face's middle from the left edge", "面部中线距左边缘"},
	"eye_line":                {"eyes' height", "眼睛位置"},
	"crown_gap":               {"space above the head", "头顶留白"},
	"hair_gap":                {"space above the hair", "头发上方留白"},
	"chin_gap":                {"space below the chin", "下巴以下"},
	"tilt":                    {"eyes' slope on the photo", "照片上双眼的倾斜"},
	"single_face_present":     {"faces in the picture", "照片中的人脸数"},
	"inter_eye_distance":      {"pixels between the eyes", "双眼间距"},
	"head_size":               {"head in the picture", "头部占画面的比例"},
	"head_pose_yaw":           {"head turned to the side", "头部左右转动"},
	"head_pose_pitch":         {"head raised or lowered", "头部仰俯"},
	"head_pose_roll":          {"head held askew", "头部歪斜"},
	"eyes_open":               {"eyes open", "眼睛睁开程度"},
	"eyes_visible":            {"eyes to be seen", "眼睛可见程度"},
	"eye_glare":               {"reflections over the eyes", "眼部反光"},
	"pupil_lightness":         {"a pale veil over the eyes", "眼睛泛白"},
	"gaze":                    {"eyes off the camera", "视线偏离镜头"},
	"mouth_closed":            {"mouth open", "嘴巴张开程度"},
	"mouth_interior":          {"inside of the mouth to be seen", "口腔可见程度"},
	"expression_neutrality":   {"smile", "表情"},
	"glasses":                 {"glasses", "眼镜"},
	"forehead_visible":        {"forehead to be seen", "额头可见程度"},
	"no_head_covering":        {"covering over the hair", "头部遮盖物"},
	"sharpness":               {"sharpness", "清晰度"},
	"upscale":                 {"enlargement", "放大倍数"},
	"compression_artefacts":   {"blocks of compression", "压缩痕迹"},
	"jpeg_quality":            {"JPEG quality of the picture", "原图 JPEG 质量"},
	"under_exposure":          {"face too dark", "面部过暗的部分"},
	"over_exposure":           {"face too bright", "面部过亮的部分"},
	"highlights":              {"brightest parts of the face", "面部高光亮度"},
	"dynamic_range":           {"contrast of the face", "面部明暗范围"},
	"luminance":               {"lightness of the skin", "肤色亮度"},
	"illumination_uniformity": {"light from one side", "左右光线差异"},
	"face_shadows":            {"shadows on the face", "面部阴影"},
	"natural_colour":          {"colour cast", "偏色"},
	"colourfulness":           {"colour", "色彩"},
	"red_eye":                 {"red eyes", "红眼"},
	"background_uniformity":   {"unevenness of the background", "背景不均匀程度"},
	"background_shadow":       {"shadow on the background", "背景阴影"},
	"background_lightness":    {"lightness of the background", "背景亮度"},
	"background_a":            {"background's colour, green to red", "背景颜色（绿—红）"},
	"background_b":            {"background's colour, blue to yellow", "背景颜色（蓝—黄）"},
}
