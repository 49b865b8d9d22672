package check

// faceMeasures look at the face's geometry and at its eyes, mouth and head.
var faceMeasures = []measure{
	{"single_face_present", faces},
	{"inter_eye_distance", eyeDistance},
}

// faces counts the faces in the picture. ISO/IEC 29794-5: single face present.
func faces(w *work) (float64, bool) { return float64(1 + w.Others), true }

// eyeDistance is the distance between the iris centres in source pixels. ISO/IEC 29794-5:
// inter-eye distance.
func eyeDistance(w *work) (float64, bool) { return w.Face.EyeDistance(), true }
