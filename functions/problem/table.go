package problem

import (
	"cmp"
	"net/http"
	"slices"

	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// Codes of requests. Those of pictures stand in package fault.
const (
	BadRequest       = "bad_request"
	MissingField     = "missing_field"          // Detail: field
	UnknownField     = "unknown_field"          // Detail: field
	LateField        = "late_field"             // Detail: field
	BadOption        = "bad_option"             // Detail: field
	UnsupportedMedia = "unsupported_media_type" // the request's body, not the picture
	BadKey           = "bad_idempotency_key"
	Unauthorized     = "unauthorized"
	Forbidden        = "forbidden"
	NotFound         = "not_found"
	UnknownPart      = "unknown_part"
	MethodNotAllowed = "method_not_allowed"
	Conflict         = "conflict"
	NotFinished      = "not_finished"
	NoResult         = "no_result"
	Held             = "held"     // the photo is made, and waits for somebody's look
	NotHeld          = "not_held" // nothing of the task waits for a look, or no longer
	AlreadyFinal     = "already_final"
	Gone             = "gone"
	Expired          = "expired"
	BatchTooLarge    = "batch_too_large" // Detail: limit
	TooManyFiles     = "too_many_files"  // Detail: limit
	NoPictures       = "no_pictures"
	ArchiveBroken    = "archive_unreadable"
	ArchiveLocked    = "archive_encrypted"
	Busy             = "busy"               // Detail: retry_after
	Unreachable      = "unavailable"        // Detail: part, retry_after
	LedgerAway       = "ledger_unavailable" // Detail: retry_after
	Internal         = "internal"
)

// Codes of people and keys.
const (
	SignInFailed  = "sign_in_failed"
	WrongPassword = "wrong_password" // of somebody who is already signed in
	RateLimited   = "rate_limited"   // Detail: retry_after
	WeakPassword  = "weak_password"
	BadName       = "bad_name"
	NameTaken     = "name_taken"
	LastAdmin     = "last_admin"
	ForeignPerson = "person_of_provider"
)

// OriginalGone ends a task whose picture is no longer there when its turn comes. The other codes
// of tasks stand in packages fault and queue.
const OriginalGone = "original_gone"

// Codes of actions on many tasks.
const (
	WrongCount  = "wrong_count" // Detail: count
	NothingToDo = "nothing_to_do"
)

// Entry is one code's row of the table.
type Entry struct {
	Code    string
	Status  int // of an answer with this code; tasks that end with it are shown with 200
	English Text
	Chinese Text
}

// All returns the table, sorted by code.
func All() []Entry {
	entries := make([]Entry, 0, len(table))
	for code := range table {
		e, _ := Lookup(code)
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Code, b.Code) })
	return entries
}

// Lookup returns code's row; false when there is none.
func Lookup(code string) (Entry, bool) {
	e, ok := table[code]
	e.Code = code
	return e, ok
}

const unprocessable = http.StatusUnprocessableEntity

var table = map[string]Entry{
	// The picture: who is on it.
	fault.NoFace: {Status: unprocessable,
		English: Text{"No face was found in the picture.", "Use a picture that shows one person from the front, with the whole head and both shoulders."},
		Chinese: Text{"照片中没有找到人脸。", "请使用一张正面照，照片中只有一个人，头部和双肩完整可见。"}},
	fault.ManyFaces: {Status: unprocessable,
		English: Text{"{count} faces were found in the picture, but an ID photo shows one person.", "Use a picture of one person, or cut the others off first."},
		Chinese: Text{"照片中找到 {count} 张人脸，而证件照只能有一个人。", "请使用单人照片，或先把其他人裁掉。"}},
	fault.TooManyPeople: {Status: unprocessable,
		English: Text{"{count} people or more are in the group picture; at most {limit} are accepted.", "Cut the picture into parts with fewer people."},
		Chinese: Text{"集体照中至少有 {count} 人，最多接受 {limit} 人。", "请把照片裁成人数较少的几部分。"}},
	fault.FaceTooSmall: {Status: unprocessable,
		English: Text{"The face is too small: the eyes are {pixels} pixels apart, and {need} are needed.", "Use a picture taken closer, or one with more pixels."},
		Chinese: Text{"人脸太小：两眼间距只有 {pixels} 像素，至少需要 {need} 像素。", "请靠近一些拍摄，或使用分辨率更高的照片。"}},
	fault.HeadCutOff: {Status: unprocessable,
		English: Text{"The head is cut off at an edge of the picture ({edge}).", "Use a picture with some space around the whole head, hair included."},
		Chinese: Text{"头部被照片的{edge:word}边缘截断。", "请使用整个头部（包括头发）四周都留有空间的照片。"}},
	fault.GeometryImpossible: {Status: unprocessable,
		English: Text{"This picture cannot be cropped so that all of these fit the document: {rules:rule}.", "Use a picture with more space around the head and shoulders, or choose another document."},
		Chinese: Text{"这张照片无法裁剪成符合该证件要求的样式，以下各项不能同时满足：{rules:rule}。", "请使用头部和肩部四周空间更大的照片，或选择其他规格。"}},
	fault.MatteUncertain: {Status: unprocessable,
		English: Text{"The person could not be separated from the background well enough.", "Use a picture in front of a plain wall whose colour differs from hair and clothes, in even light."},
		Chinese: Text{"无法把人像与背景清楚地分开。", "请在与头发、衣服颜色不同的纯色墙前、光线均匀处重新拍摄。"}},

	// The picture: what the checks found.
	fault.FaceTurned: {Status: unprocessable,
		English: Text{"The head is turned too far.", "Look straight into the camera, with the head upright."},
		Chinese: Text{"头部转动角度过大。", "请正对镜头，保持头部端正。"}},
	fault.EyesClosed: {Status: unprocessable,
		English: Text{"The eyes are closed or nearly so.", "Take the picture again with both eyes open."},
		Chinese: Text{"眼睛闭合或未完全睁开。", "请睁开双眼重新拍摄。"}},
	fault.EyesHidden: {Status: unprocessable,
		English: Text{"The eyes cannot be seen well.", "Take off dark glasses, avoid reflections and move hair out of the eyes."},
		Chinese: Text{"眼睛被遮挡，看不清楚。", "请摘下深色眼镜，避免镜片反光，拨开遮眼的头发。"}},
	fault.GlassesOn: {Status: unprocessable,
		English: Text{"Glasses are worn, and the rules do not allow them.", "Take the picture again without glasses."},
		Chinese: Text{"佩戴了眼镜，而该规格不允许。", "请摘下眼镜重新拍摄。"}},
	fault.MouthOpen: {Status: unprocessable,
		English: Text{"The mouth is open.", "Take the picture again with the mouth closed and a neutral expression."},
		Chinese: Text{"嘴巴张开。", "请闭嘴、表情自然地重新拍摄。"}},
	fault.TooBlurred: {Status: unprocessable,
		English: Text{"The picture is not sharp enough.", "Hold the camera still, let it focus on the face and use more light."},
		Chinese: Text{"照片不够清晰。", "请拿稳相机、对准面部对焦，并增加光线。"}},
	fault.TooDark: {Status: unprocessable,
		English: Text{"The face is too dark.", "Take the picture in more light, from the front."},
		Chinese: Text{"面部过暗。", "请在光线更充足、光源在正前方处拍摄。"}},
	fault.TooBright: {Status: unprocessable,
		English: Text{"The face is overexposed.", "Use less or softer light and no direct flash."},
		Chinese: Text{"面部曝光过度。", "请减弱光线，避免闪光灯直射。"}},
	fault.UnevenFace: {Status: unprocessable,
		English: Text{"The light on the face is too uneven.", "Face the light, so that both sides of the face are equally bright."},
		Chinese: Text{"面部光线不均匀。", "请面向光源，使脸部两侧亮度一致。"}},
	fault.Backdrop: {Status: unprocessable,
		English: Text{"The background is not plain, and the rules do not allow it to be replaced.", "Take the picture in front of a plain, light wall without shadows."},
		Chinese: Text{"背景不是纯色，而该规格不允许更换背景。", "请在无阴影的浅色纯色墙前重新拍摄。"}},
	fault.TooCoarse: {Status: unprocessable,
		English: Text{"The face has too few pixels, or too much of its detail is lost.", "Send the picture as the camera took it, not a small or forwarded copy."},
		Chinese: Text{"面部像素过少或细节损失过多。", "请上传相机原图，不要用缩小或转发过的图片。"}},

	// The picture: the file.
	fault.Empty: {Status: http.StatusBadRequest,
		English: Text{"Nothing was sent: the picture is empty.", "Choose the picture again and send it once more."},
		Chinese: Text{"没有收到内容：照片是空的。", "请重新选择照片后再提交。"}},
	fault.UnsupportedType: {Status: http.StatusUnsupportedMediaType,
		English: Text{"The file is not a picture of a kind we can read.", "Use a JPEG, PNG, WebP, HEIC, TIFF, BMP or GIF picture."},
		Chinese: Text{"该文件不是我们能读取的图片格式。", "请使用 JPEG、PNG、WebP、HEIC、TIFF、BMP 或 GIF 图片。"}},
	fault.Undecodable: {Status: unprocessable,
		English: Text{"The picture is damaged and cannot be read.", "Open it on your device and save it again, or use another picture."},
		Chinese: Text{"照片已损坏，无法读取。", "请在您的设备上打开并重新保存，或更换照片。"}},
	fault.Truncated: {Status: unprocessable,
		English: Text{"The picture is not complete: its end is missing.", "Copy or download the picture again, then send the whole file."},
		Chinese: Text{"照片不完整：文件末尾缺失。", "请重新复制或下载照片，再提交完整的文件。"}},
	fault.TooManyPixels: {Status: unprocessable,
		English: Text{"The picture has too many pixels: {width} x {height}; at most {limit:mp} million are accepted.", "Make the picture smaller and send it again."},
		Chinese: Text{"照片像素过多：{width} x {height}，最多接受 {limit:mp} 百万像素。", "请缩小照片尺寸后重新提交。"}},
	fault.TooLarge: {Status: http.StatusRequestEntityTooLarge,
		English: Text{"The file is too large: at most {limit:mb} MB are accepted.", "Save the picture smaller or as JPEG and send it again."},
		Chinese: Text{"文件过大：最多接受 {limit:mb} MB。", "请缩小照片或另存为 JPEG 后重新提交。"}},
	fault.TooSmall: {Status: unprocessable,
		English: Text{"The picture is too small: {width} x {height} pixels; each side needs at least {need}.", "Use the original picture, not a preview of it."},
		Chinese: Text{"照片太小：{width} x {height} 像素，每边至少需要 {need} 像素。", "请使用原图，不要使用缩略图。"}},

	// The request.
	fault.UnknownSize: {Status: unprocessable,
		English: Text{"There is no document or photo size of this name.", "Choose one of the list at /api/v1/specs, or write a size of your own such as 35x45mm or 413x531px@300dpi."},
		Chinese: Text{"没有这个名称的证件或照片规格。", "请从规格列表（/api/v1/specs）中选择，或直接写尺寸，例如 35x45mm 或 413x531px@300dpi。"}},
	fault.SizeOutOfRange: {Status: unprocessable,
		English: Text{"A photo of {width} x {height} pixels at {dpi} dpi is outside what can be made.", "Use sides of {min} to {max} pixels, neither more than twice the other, at most {pixels:mp} million pixels in all, and 72 to 1200 dpi."},
		Chinese: Text{"无法制作 {width} x {height} 像素、{dpi} dpi 的照片。", "每边请使用 {min} 到 {max} 像素，长边不超过短边的两倍，总像素不超过 {pixels:mp} 百万，分辨率为 72 到 1200 dpi。"}},
	fault.SizeUnpublished: {Status: unprocessable,
		English: Text{"A photo for {spec} cannot be made: no source that we know says how large it must be.", "Ask the authority for the size, and order that size, such as 600x600px."},
		Chinese: Text{"无法制作 {spec} 的照片：我们没有查到其尺寸要求。", "请向主管机关确认尺寸，再按该尺寸制作，例如 600x600px。"}},
	fault.BackgroundForbidden: {Status: unprocessable,
		English: Text{"The rules for {spec} forbid changing the background{rule:quote} (source: {source}).", "Take the picture in front of a plain wall of the colour that the authority asks for."},
		Chinese: Text{"{spec} 的规定不允许更换背景{rule:quote}（依据：{source}）。", "请直接在符合要求的纯色墙前拍摄。"}},
	fault.EditForbidden: {Status: unprocessable,
		English: Text{"For {spec} the person is not touched up{rule:quote} (source: {source}).", "Leave the touch-up out, or choose another document."},
		Chinese: Text{"{spec} 不允许修饰人像{rule:quote}（依据：{source:word}）。", "请取消修饰，或选择其他规格。"}},
	fault.BadTouch: {Status: unprocessable,
		English: Text{"The touch-up {field} is not a number from 0 to 100.", "Choose a value from 0 (off) to 100."},
		Chinese: Text{"修饰项 {field} 不是 0 到 100 的数值。", "请选择 0（关闭）到 100 之间的数值。"}},
	fault.SizeUnreachable: {Status: unprocessable,
		English: Text{"No file of {min_kb} to {max_kb} KB can be made of this photo; the nearest has {nearest_kb} KB.", "Ask for another range, or choose a larger or smaller photo."},
		Chinese: Text{"无法生成 {min_kb} 至 {max_kb} KB 的文件，最接近的为 {nearest_kb} KB。", "请更改文件大小范围，或选择更大或更小的尺寸。"}},
	fault.BadSheet: {Status: unprocessable,
		English: Text{"The sheet's {field} is out of range.", "See the documentation for what is possible."},
		Chinese: Text{"排版参数 {field} 超出范围。", "请参阅文档中的允许范围。"}},
	fault.NothingFits: {Status: unprocessable,
		English: Text{"Not one photo fits on {paper}.", "Choose a larger paper or smaller margins."},
		Chinese: Text{"{paper} 放不下任何一张照片。", "请选择更大的纸张或更小的页边距。"}},
	fault.SheetFull: {Status: unprocessable,
		English: Text{"{missing} of the {asked} photos do not fit on {paper}.", "Ask for fewer, choose a larger paper or smaller margins, or print a second sheet."},
		Chinese: Text{"{asked} 张照片中有 {missing} 张放不进 {paper}。", "请减少张数、选择更大的纸张或更小的页边距，或另印一张。"}},
	fault.UnknownBackground: {Status: unprocessable,
		English: Text{"This background is not known.", "Use white, red, blue, dark blue, light blue, grey, a colour such as #438EDB, original or transparent."},
		Chinese: Text{"无法识别该背景。", "请使用 white、red、blue、dark blue、light blue、grey、#438EDB 这样的颜色值、original（原背景）或 transparent（透明）。"}},
	BadRequest: {Status: http.StatusBadRequest,
		English: Text{"The request could not be understood.", "Send multipart/form-data with the field image and, if wanted, size and background."},
		Chinese: Text{"无法理解该请求。", "请使用 multipart/form-data 提交 image 字段，可附带 size 和 background。"}},
	MissingField: {Status: http.StatusBadRequest,
		English: Text{"The field {field} is missing.", "Fill it in and send the form again."},
		Chinese: Text{"缺少字段：{field:word}。", "请补充后重新提交。"}},
	UnknownField: {Status: http.StatusBadRequest,
		English: Text{"The form has a field that is not known, or the same field twice: {field}.", "Send only the fields of /api/v1/openapi.json, each at most once."},
		Chinese: Text{"表单中有未知或重复的字段：{field:word}。", "请只提交 /api/v1/openapi.json 中列出的字段，每个最多一次。"}},
	LateField: {Status: http.StatusBadRequest,
		English: Text{"The field {field} comes too late: the pictures before it would not have followed it.", "Nothing was kept. Send the fields first, then the pictures."},
		Chinese: Text{"字段 {field:word} 位置太靠后，它前面的照片无法按它处理。", "没有保存任何内容，请先提交各字段，再提交照片。"}},
	BadOption: {Status: unprocessable,
		English: Text{"The field {field} has a value that is not allowed.", "See /api/v1/openapi.json for the values it may have."},
		Chinese: Text{"字段 {field:word} 的值无效。", "可用的值见 /api/v1/openapi.json。"}},
	UnsupportedMedia: {Status: http.StatusUnsupportedMediaType,
		English: Text{"The request's body has the wrong content type.", "Send multipart/form-data."},
		Chinese: Text{"请求内容的类型不正确。", "请使用 multipart/form-data 提交。"}},
	BadKey: {Status: http.StatusBadRequest,
		English: Text{"The Idempotency-Key header is not usable.", "Use 1 to 255 printable ASCII characters, for example a UUID."},
		Chinese: Text{"Idempotency-Key 请求头无效。", "请使用 1 到 255 个可打印的 ASCII 字符，例如 UUID。"}},
	Unauthorized: {Status: http.StatusUnauthorized,
		English: Text{"This needs a sign-in.", "Send the bearer token that the operator gave you."},
		Chinese: Text{"需要身份验证。", "请附上管理员提供的令牌（bearer token）。"}},
	Forbidden: {Status: http.StatusForbidden,
		English: Text{"This is not open to you.", "Ask the operator of the service."},
		Chinese: Text{"您无权访问此内容。", "请联系服务管理员。"}},
	SignInFailed: {Status: http.StatusUnauthorized,
		English: Text{"You could not be signed in.", "Check the name and the password. If they are right, ask an admin whether you may sign in here."},
		Chinese: Text{"登录失败。", "请检查用户名和密码。如果都正确，请向管理员确认您是否有权登录。"}},
	WrongPassword: {Status: unprocessable,
		English: Text{"The old password is not right.", "Nothing was changed. Type the password that you signed in with."},
		Chinese: Text{"原密码不正确。", "没有做任何修改，请输入您登录时使用的密码。"}},
	RateLimited: {Status: http.StatusTooManyRequests,
		English: Text{"Too many attempts were made.", "Wait {retry_after} s, then try once more."},
		Chinese: Text{"尝试次数过多。", "请等待 {retry_after} 秒后再试。"}},
	WeakPassword: {Status: unprocessable,
		English: Text{"This password is too easy to guess, or too long.", "Use at least 12 characters, not the name, and not one character all along. Several words make a good password."},
		Chinese: Text{"该密码过于简单或过长。", "请至少使用 12 个字符，不要与用户名相同，也不要重复同一个字符。几个词语连在一起就是好密码。"}},
	BadName: {Status: unprocessable,
		English: Text{"This name cannot be used.", "People: 2 to 64 of a-z, 0-9, dot, dash and underscore. Keys: 2 to 64 letters, digits, spaces, dots, dashes and underscores."},
		Chinese: Text{"不能使用这个名称。", "用户名：2 到 64 个 a-z、0-9、点、短横线或下划线。密钥名：2 到 64 个文字、数字、空格、点、短横线或下划线。"}},
	NameTaken: {Status: http.StatusConflict,
		English: Text{"Somebody of this name is already here.", "Choose another name, or change the person in the list."},
		Chinese: Text{"该用户名已存在。", "请换一个名称，或在列表中修改该用户。"}},
	LastAdmin: {Status: http.StatusConflict,
		English: Text{"This is the last admin who can sign in.", "Make somebody else an admin first."},
		Chinese: Text{"这是最后一位可以登录的管理员。", "请先指定另一位管理员。"}},
	ForeignPerson: {Status: http.StatusConflict,
		English: Text{"Password and role of this person are kept at the OpenID provider.", "Change them there, or in the settings (OIDC_ROLES)."},
		Chinese: Text{"该用户的密码和角色由 OpenID 提供方管理。", "请在提供方处或在设置（OIDC_ROLES）中修改。"}},
	NotFound: {Status: http.StatusNotFound,
		English: Text{"There is nothing at this address.", "Check the address, or the task's number."},
		Chinese: Text{"此地址没有内容。", "请检查地址或任务编号。"}},
	UnknownPart: {Status: http.StatusNotFound,
		English: Text{"The result has no such part.", "Ask for one of the parts that the task's status names."},
		Chinese: Text{"结果中没有这一部分。", "请使用任务状态中列出的部分名称。"}},
	MethodNotAllowed: {Status: http.StatusMethodNotAllowed,
		English: Text{"This address does not take requests of this method.", "Use one of the methods in the Allow header."},
		Chinese: Text{"此地址不支持该请求方法。", "请使用 Allow 响应头中列出的方法。"}},
	Conflict: {Status: http.StatusConflict,
		English: Text{"This Idempotency-Key was used for another picture or other options.", "Use a new key for a new picture; use the old key only to send the same again."},
		Chinese: Text{"该 Idempotency-Key 已用于另一张照片或其他选项。", "新照片请使用新的键；只有重复提交相同内容时才使用原来的键。"}},
	NotFinished: {Status: http.StatusConflict,
		English: Text{"The photo is not finished yet.", "Wait a moment and ask again."},
		Chinese: Text{"照片尚未处理完成。", "请稍候再查询。"}},
	NoResult: {Status: http.StatusConflict,
		English: Text{"The task ended without a photo.", "The task's status says why."},
		Chinese: Text{"任务已结束，但没有生成照片。", "原因请查看任务状态。"}},
	Held: {Status: http.StatusConflict,
		English: Text{"The photo is made, but the cut around the person is doubtful: somebody looks at it before it is handed out.", "Ask again later. If it is urgent, send a picture taken in front of a plain wall."},
		Chinese: Text{"照片已生成，但人像边缘不够可靠，需人工查看后才能提供。", "请稍后再查询。如急用，请提交在纯色墙前拍摄的照片。"}},
	NotHeld: {Status: http.StatusConflict,
		English: Text{"No photo of this task waits for a look.", "Look at the task again: somebody may have accepted or refused it already, or its photo is gone."},
		Chinese: Text{"该任务没有等待人工查看的照片。", "请重新查看该任务：可能已有人通过或拒绝，或照片已清除。"}},
	AlreadyFinal: {Status: http.StatusConflict,
		English: Text{"The task is already over and cannot be cancelled.", "To remove its pictures, erase the task."},
		Chinese: Text{"任务已经结束，无法取消。", "如需删除照片，请删除该任务。"}},
	Gone: {Status: http.StatusGone,
		English: Text{"The pictures of this task were erased.", "Send the picture again if the photo is still wanted."},
		Chinese: Text{"该任务的照片已被删除。", "如仍需要，请重新提交照片。"}},
	Expired: {Status: http.StatusGone,
		English: Text{"The photo was kept for its time and has been deleted since.", "Send the picture again if the photo is still wanted."},
		Chinese: Text{"照片已超过保存期限，已被删除。", "如仍需要，请重新提交照片。"}},
	BatchTooLarge: {Status: http.StatusRequestEntityTooLarge,
		English: Text{"The batch is too large: at most {limit:mb} MB are accepted, unpacked as well as packed.", "Nothing was kept. Send the pictures in several smaller batches."},
		Chinese: Text{"这批照片过大：压缩前后均最多接受 {limit:mb} MB。", "没有保存任何内容，请分成几批提交。"}},
	TooManyFiles: {Status: http.StatusRequestEntityTooLarge,
		English: Text{"The batch has too many files: at most {limit} are accepted.", "Nothing was kept. Send the pictures in several smaller batches."},
		Chinese: Text{"这批照片的文件过多：最多接受 {limit} 个。", "没有保存任何内容，请分成几批提交。"}},
	NoPictures: {Status: unprocessable,
		English: Text{"There is no picture in this batch that could be accepted.", "Nothing was kept. The list of items says what is wrong with each file."},
		Chinese: Text{"这批文件中没有可以接收的照片。", "没有保存任何内容，每个文件的问题见列表（items）。"}},
	ArchiveBroken: {Status: unprocessable,
		English: Text{"The archive cannot be read as a ZIP file.", "Nothing was kept. Pack the pictures as an ordinary ZIP file, or send them without an archive."},
		Chinese: Text{"该压缩包无法作为 ZIP 文件读取。", "没有保存任何内容，请重新打包为普通 ZIP 文件，或直接提交照片。"}},
	ArchiveLocked: {Status: unprocessable,
		English: Text{"The archive is protected by a password.", "Nothing was kept. Pack the pictures again without a password."},
		Chinese: Text{"该压缩包设有密码。", "没有保存任何内容，请去掉密码后重新打包。"}},
	Busy: {Status: http.StatusServiceUnavailable,
		English: Text{"Too many pictures are arriving at this moment.", "Nothing was kept. Try again in {retry_after} s."},
		Chinese: Text{"当前提交的照片过多。", "照片未被保存，请在 {retry_after} 秒后重试。"}},
	Unreachable: {Status: http.StatusServiceUnavailable,
		English: Text{"A part of the service does not answer right now.", "Try again in a little while. If it stays so, tell the operator."},
		Chinese: Text{"服务的某个部分暂时没有响应。", "请稍后重试。如持续出现，请联系管理员。"}},
	LedgerAway: {Status: http.StatusServiceUnavailable,
		English: Text{"The list of tasks cannot be read right now, so nothing can be said about this one.", "Accepted tasks are not lost. Ask again in {retry_after} s."},
		Chinese: Text{"任务记录暂时无法读取，因此无法查询。", "已接收的任务不会丢失，请在 {retry_after} 秒后再查询。"}},
	Internal: {Status: http.StatusInternalServerError,
		English: Text{"Something went wrong on our side.", "Try again later. If it happens again, tell the operator the task's number and the time."},
		Chinese: Text{"我们这边出了问题。", "请稍后重试。如再次出现，请把任务编号和时间告诉管理员。"}},

	// Tasks.
	queue.CodeCancelled: {Status: http.StatusConflict,
		English: Text{"The task was cancelled.", "Send the picture again if the photo is still wanted."},
		Chinese: Text{"任务已取消。", "如仍需要照片，请重新提交。"}},
	queue.CodeLeaseLost: {Status: http.StatusInternalServerError,
		English: Text{"The photo could not be made: the worker stopped before it was done, several times.", "Send the picture again. If it happens again, tell the operator the task's number."},
		Chinese: Text{"照片未能生成：处理程序多次中途停止。", "请重新提交照片。如再次出现，请把任务编号告诉管理员。"}},
	queue.CodeHandedBack: {Status: http.StatusServiceUnavailable,
		English: Text{"The worker was stopped and gave the task back.", "Nothing is lost: another worker takes it up by itself."},
		Chinese: Text{"处理程序已停止，任务已交回。", "任务没有丢失，其他处理程序会自动接手。"}},
	queue.CodePanic: {Status: http.StatusInternalServerError,
		English: Text{"The photo could not be made: this picture makes our program fail.", "Use another picture, and tell the operator the task's number."},
		Chinese: Text{"照片未能生成：这张照片使程序出错。", "请更换照片，并把任务编号告诉管理员。"}},
	queue.CodeTimeout: {Status: http.StatusInternalServerError,
		English: Text{"The photo could not be made in time.", "Use a smaller picture, or try again when less is going on."},
		Chinese: Text{"照片未能在规定时间内生成。", "请使用较小的照片，或在空闲时重试。"}},
	queue.CodeNoSpace: {Status: http.StatusServiceUnavailable,
		English: Text{"The photo could not be stored: there is no space left.", "Tell the operator, then send the picture again."},
		Chinese: Text{"照片无法保存：存储空间已满。", "请告知管理员，之后重新提交照片。"}},
	queue.CodeOutOfMemory: {Status: http.StatusServiceUnavailable,
		English: Text{"There was not enough memory to make the photo.", "Use a smaller picture, or try again when less is going on."},
		Chinese: Text{"内存不足，照片未能生成。", "请使用较小的照片，或在空闲时重试。"}},
	queue.CodeUnknownKind: {Status: http.StatusInternalServerError,
		English: Text{"No worker here knows how to do this task.", "Tell the operator the task's number."},
		Chinese: Text{"这里没有能处理该任务的程序。", "请把任务编号告诉管理员。"}},
	queue.CodeUnreadable: {Status: http.StatusInternalServerError,
		English: Text{"A message of the queue could not be read, so no photo was made of it.", "This is for the operator: the task keeps the message's first bytes."},
		Chinese: Text{"队列中有一条消息无法读取，因此没有生成照片。", "请管理员处理：任务记录中保存了该消息的开头。"}},
	WrongCount: {Status: http.StatusConflict,
		English: Text{"{count} tasks are found now; another number was typed.", "Nothing was changed. Look at the tasks again, and type the number that is shown."},
		Chinese: Text{"现在找到 {count} 个任务，与输入的数字不同。", "没有做任何修改。请重新查看任务，并输入显示的数字。"}},
	NothingToDo: {Status: http.StatusConflict,
		English: Text{"There is no task of which this can be done.", "Nothing was changed. Look at the list again: somebody may have been quicker."},
		Chinese: Text{"没有可以执行此操作的任务。", "没有做任何修改。请重新查看列表，可能已有人处理。"}},
	OriginalGone: {Status: http.StatusGone,
		English: Text{"The picture that was sent is no longer stored.", "Send the picture again."},
		Chinese: Text{"提交的照片已不在存储中。", "请重新提交照片。"}},
}
