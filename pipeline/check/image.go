package check

// imageMeasures look at the picture: its light, sharpness, colours, background and file.
var imageMeasures = []measure{
	{"sharpness", sharpness},
	{"upscale", upscale},
	{"compression_artefacts", blockiness},
	{"jpeg_quality", jpegQuality},
	{"under_exposure", underExposure},
	{"over_exposure", overExposure},
	{"highlights", highlights},
	{"dynamic_range", dynamicRange},
	{"luminance", skinLightness},
	{"illumination_uniformity", illumination},
	{"face_shadows", faceShadows},
	{"natural_colour", naturalColour},
	{"colourfulness", colourfulness},
	{"red_eye", redEye},
	{"background_uniformity", backgroundUniformity},
	{"background_shadow", backgroundShadow},
	{"background_lightness", backgroundLightness},
	{"background_a", backgroundRed},
	{"background_b", backgroundYellow},
}
