package check

import "math"

// Pairs of points of MediaPipe's mesh that lie at the same place left and right on the skull: the
// corners of the eyes, temples, cheek bones and ears. Mouth and jaw are left out: they move.
var symmetricPairs = [...][2]int{
	{33, 263}, {133, 362}, {127, 356}, {162, 389}, {21, 251}, {54, 284}, {103, 332},
	{234, 454}, {93, 323}, {116, 345}, {50, 280},
}

// Points on the line that halves the face: the forehead's middle, and below the nose.
var foreheadMid, underNose = [...]int{10, 151}, [...]int{2, 164}

// neutralPitch is the slope of the line from forehead to below the nose, in degrees, of a head held
// straight: the median of 44 faces within 15 degrees of yaw.
const neutralPitch = -2.4

// vector is a direction in space: x to the right, y down, z away from the camera.
type vector struct{ x, y, z float64 }

func (a vector) sub(b vector) vector  { return vector{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a vector) add(b vector) vector  { return vector{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vector) dot(b vector) float64 { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vector) by(f float64) vector  { return vector{a.x * f, a.y * f, a.z * f} }
func (a vector) cross(b vector) vector {
	return vector{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
}

// axis is the direction from the left to the right half of the head: the sum over all pairs, so
// that a point the network sees wrong weighs little. It is not scaled.
func axis(w *work) vector {
	var sum vector
	for _, p := range symmetricPairs {
		sum = sum.add(meshPoint(w, p[1]).sub(meshPoint(w, p[0])))
	}
	return sum
}

// meshPoint is a point of the mesh in space, in pixels of the patch.
func meshPoint(w *work, i int) vector {
	p := w.mesh()[i]
	return vector{p.X, p.Y, w.Face.Depth[i] * w.toPatch.Scale()}
}

// yaw is by how many degrees the head is turned towards the picture's right. ISO/IEC 29794-5: head
// pose angle yaw. Twelve mirrored portraits gave the same angle with the other sign to within 3.3.
func yaw(w *work) (float64, bool) {
	a := axis(w)
	return degrees(math.Atan2(a.z, a.x)), true
}

// pitch is by how many degrees the head looks down. ISO/IEC 29794-5: head pose angle pitch. The slope
// of a face differs between people by some 4 degrees, and a wide open mouth adds up to 5; no single
// picture can tell that from a nod.
func pitch(w *work) (float64, bool) {
	a := axis(w)
	a = a.by(1 / math.Sqrt(a.dot(a)))
	down := meanPoint(w, underNose[:]).sub(meanPoint(w, foreheadMid[:]))
	// Seen from the side, whichever way the head is turned: the axis itself is left out.
	ahead := a.cross(vector{y: 1})
	return degrees(math.Atan2(down.dot(ahead), down.dot(ahead.cross(a)))) - neutralPitch, true
}

func meanPoint(w *work, points []int) vector {
	var sum vector
	for _, i := range points {
		sum = sum.add(meshPoint(w, i))
	}
	return sum.by(1 / float64(len(points)))
}

// roll is by how many degrees the eye on the picture's right is lower than the other one, as the
// picture was taken; a photo's crop levels it. ISO/IEC 29794-5: head pose angle roll.
func roll(w *work) (float64, bool) { return degrees(w.Face.Roll), true }

// headSize is the head's height over the picture's. The head is 2.05 times as high as the way from
// between the eyes to the chin, hair included: the median of 34 portraits marked by hand (1.82 to 2.69).
// ISO/IEC 29794-5: head size.
func headSize(w *work) (float64, bool) {
	const headHeight = 2.05
	_, h := w.Source.Bounds()
	return headHeight * w.Face.EyeMid().Dist(w.Face.Chin) / float64(h), h > 0
}

func degrees(radians float64) float64 { return radians * 180 / math.Pi }
