package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"idphoto/pipeline/fault"
)

// constants returns the string constants of the Go file, value to the names its comment promises
// after "Detail:".
func constants(t *testing.T, file string) map[string][]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	parens := regexp.MustCompile(`\([^)]*\)`)
	codes := make(map[string][]string)
	for _, d := range parsed.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			continue
		}
		for _, s := range decl.Specs {
			value := s.(*ast.ValueSpec)
			lit, ok := value.Values[0].(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				continue
			}
			code, _ := strconv.Unquote(lit.Value)
			codes[code] = nil
			if _, names, ok := strings.Cut(value.Comment.Text(), "Detail:"); ok {
				for name := range strings.SplitSeq(parens.ReplaceAllString(names, ""), ",") {
					codes[code] = append(codes[code], strings.TrimSpace(name))
				}
			}
		}
	}
	return codes
}

func TestEveryCodeHasStatusSentencesAndAdvice(t *testing.T) {
	codes := constants(t, "../../pipeline/fault/fault.go")
	if len(codes) < 15 {
		t.Fatalf("only %d codes found in package fault: is it still the right file?", len(codes))
	}
	tasks := constants(t, "../../queue/errors.go")
	if len(tasks) < 10 {
		t.Fatalf("only %d codes found in package queue: is it still the right file?", len(tasks))
	}
	for code := range tasks {
		codes[code] = nil // tasks that end without a rejection keep no values for a sentence
	}
	for code, detail := range constants(t, "table.go") {
		codes[code] = detail
	}
	for code := range codes {
		if _, ok := Lookup(code); !ok {
			t.Errorf("%s is not in the table", code)
		}
	}
	for _, e := range All() {
		detail, used := codes[e.Code]
		if !used {
			t.Errorf("%s is in the table, but is no code", e.Code)
		}
		if e.Status < 400 || e.Status > 599 || http.StatusText(e.Status) == "" {
			t.Errorf("%s: status %d", e.Code, e.Status)
		}
		for language, text := range map[string]Text{"English": e.English, "Chinese": e.Chinese} {
			if text.Sentence == "" || text.Advice == "" {
				t.Errorf("%s: sentence or advice in %s is missing", e.Code, language)
			}
			for _, m := range placeholder.FindAllStringSubmatch(text.Sentence+text.Advice, -1) {
				_, endsTasks := tasks[e.Code]
				if !slices.Contains(detail, m[1]) || endsTasks {
					t.Errorf("%s in %s uses {%s}, which the code's comment does not promise", e.Code, language, m[1])
				}
			}
		}
		if e.English == e.Chinese {
			t.Errorf("%s: both languages are the same", e.Code)
		}
		if regexp.MustCompile(`\p{Han}`).MatchString(e.English.Sentence + e.English.Advice) {
			t.Errorf("%s: the English text is Chinese", e.Code)
		}
		if !regexp.MustCompile(`\p{Han}`).MatchString(e.Chinese.Sentence) || !regexp.MustCompile(`\p{Han}`).MatchString(e.Chinese.Advice) {
			t.Errorf("%s: the Chinese text is not Chinese", e.Code)
		}
	}
}

func TestSentencesAreFilled(t *testing.T) {
	for name, tc := range map[string]struct {
		code   string
		values map[string]any
		lang   Language
		want   string
	}{
		"a count":                    {fault.ManyFaces, map[string]any{"count": 2}, English, "2 faces were found"},
		"a count that was JSON":      {fault.ManyFaces, map[string]any{"count": 2.0}, Chinese, "找到 2 张人脸"},
		"bytes are shown as MB":      {fault.TooLarge, map[string]any{"limit": int64(20 << 20)}, English, "at most 20 MB"},
		"pixels are shown in MP":     {fault.TooManyPixels, map[string]any{"width": 65000.0, "height": 65000.0, "limit": 5e7}, English, "65000 x 65000; at most 50 million"},
		"words are translated":       {fault.HeadCutOff, map[string]any{"edge": "top"}, Chinese, "照片的上边缘"},
		"lists are joined":           {fault.GeometryImpossible, map[string]any{"rules": []any{"head_height", "eye_line"}}, English, "the head's height from chin to crown, the eyes' height above the lower edge."},
		"and so in Chinese":          {fault.GeometryImpossible, map[string]any{"rules": []string{"head_height", "body_bottom"}}, Chinese, "头部高度（下巴至头顶）、身体须到达照片下边缘"},
		"a rule of tomorrow":         {fault.GeometryImpossible, map[string]any{"rules": []string{"ear_width"}}, Chinese, "ear_width"},
		"words by language":          {fault.BackgroundForbidden, map[string]any{"spec": "x", "source": "s", "rule": map[string]string{"en": "No change.", "zh": "不得更改。"}}, Chinese, "不允许更换背景：不得更改（依据：s）。"},
		"words that were JSON":       {fault.BackgroundForbidden, map[string]any{"spec": "x", "source": "s", "rule": map[string]any{"en": "No change.", "zh": "不得更改。"}}, English, "forbid changing the background: No change (source: s)."},
		"no words":                   {fault.EditForbidden, map[string]any{"spec": "x", "source": "no statement on editing found; only the background is replaced"}, Chinese, "不允许修饰人像（依据：未见有关修饰的规定，因此只更换背景）。"},
		"a missing value is visible": {fault.ManyFaces, nil, English, "? faces"},
		"an unknown code is ours":    {"never_heard_of", nil, English, "on our side"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Explain(tc.code, tc.values, tc.lang).Sentence; !strings.Contains(got, tc.want) {
				t.Errorf("Explain(%s) = %q, want %q in it", tc.code, got, tc.want)
			}
		})
	}
}

func TestWriteFollowsRFC9457(t *testing.T) {
	r := httptest.NewRequest("POST", "/api/v1/generate", nil)
	r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.5")
	ctx, record := WithRecord(t.Context())
	w := httptest.NewRecorder()
	cause := fmt.Errorf("reading the form: %w", fault.New(fault.TooLarge, nil, "limit", 20<<20))
	Write(w, r.WithContext(ctx), cause)

	if w.Code != 413 || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Content-Language") != "zh" {
		t.Errorf("answer is %d %v", w.Code, w.Header())
	}
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	for member, want := range map[string]any{
		"type": "/api/v1/problems/too_large", "title": "Request Entity Too Large", "status": 413.0,
		"code": "too_large", "limit": 20971520.0, "detail": "文件过大：最多接受 20 MB。", "advice": "请缩小照片或另存为 JPEG 后重新提交。",
	} {
		if body[member] != want {
			t.Errorf("%s = %v, want %v", member, body[member], want)
		}
	}
	if record.Code != "too_large" || !errors.Is(record.Err, cause) {
		t.Errorf("record = %+v", record)
	}
}

func TestUnknownErrorsTellNothing(t *testing.T) {
	w := httptest.NewRecorder()
	Write(w, httptest.NewRequest("GET", "/", nil), errors.New("dial tcp 10.1.2.3: secret"))
	if w.Code != 500 || strings.Contains(w.Body.String(), "10.1.2.3") || !strings.Contains(w.Body.String(), `"code":"internal"`) {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
}

func TestRetryAfterIsSent(t *testing.T) {
	w := httptest.NewRecorder()
	Write(w, httptest.NewRequest("GET", "/", nil), Unavailable("ledger", errors.New("down")))
	if w.Code != 503 || w.Header().Get("Retry-After") != "5" {
		t.Errorf("answer is %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestLanguageOf(t *testing.T) {
	for accept, want := range map[string]Language{
		"": English, "en": English, "zh": Chinese, "zh-CN": Chinese, "zh-TW,en;q=0.2": Chinese, "zh-Hant-HK": Chinese,
		"en-GB,zh;q=0.9": English, "fr": English, "fr,zh;q=0.1": Chinese, "*": English, "zh;q=bad": English,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", accept)
		if got := LanguageOf(r); got != want {
			t.Errorf("LanguageOf(%q) = %s, want %s", accept, got, want)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Accept-Language"] = []string{"zh-CN", "zh;q=0.9", "en;q=0.8"}
	if got := LanguageOf(r); got != Chinese {
		t.Errorf("LanguageOf a header in parts = %s, want zh", got)
	}
}
