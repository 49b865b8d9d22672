package check

// faceMeasures look at the face's geometry and at its eyes, mouth and head.
var faceMeasures = []measure{
	{"single_face_present", faces},
	{"inter_eye_distance", eyeDistance},
	{"head_size", headSize},
	{"head_pose_yaw", yaw},
	{"head_pose_pitch", pitch},
	{"head_pose_roll", roll},
	{"eyes_open", eyesOpen},
	{"eyes_visible", eyesVisible},
	{"eye_glare", eyeGlare},
	{"pupil_lightness", pupilLightness},
	{"gaze", gaze},
	{"mouth_closed", mouthOpening},
	{"mouth_interior", mouthDark},
	{"expression_neutrality", smile},
	{"glasses", glasses},
	{"forehead_visible", foreheadVisible},
	{"no_head_covering", headCovering},
}

// faces counts the faces in the picture. ISO/IEC 29794-5: single face present.
func faces(w *work) (float64, bool) { return float64(1 + w.Others), true }

// eyeDistance is the distance between the iris centres in source pixels. ISO/IEC 29794-5:
// inter-eye distance.
func eyeDistance(w *work) (float64, bool) { return w.Face.EyeDistance(), true }
