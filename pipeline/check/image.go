package check

// imageMeasures look at the picture: its light, sharpness, colours, background and file.
var imageMeasures = []measure{}
