package batch

import (
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"

	"idphoto/functions/problem"
	"idphoto/queue"
)

// report answers with a table of all files, for a spreadsheet.
func (f *Function) report(w http.ResponseWriter, r *http.Request) error {
	b, err := f.batch(r)
	if err != nil {
		return err
	}
	items, err := f.items(r, b)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Disposition", attachment(b, "-report", ".csv"))
	w.WriteHeader(http.StatusOK)
	_ = WriteReport(w, items, problem.LanguageOf(r)) // the client may be gone: nobody is left to tell
	return nil
}

// headings are the report's first line.
var headings = map[problem.Language][]string{
	problem.English: {"name", "status", "code", "message", "task_id", "seconds", "row", "seat"},
	problem.Chinese: {"文件名", "状态", "代码", "说明", "任务编号", "用时（秒）", "排", "座位"},
}

// stateWords are the states as a clerk reads them.
var stateWords = map[problem.Language]map[queue.State]string{
	problem.English: {queue.Queued: "waiting", queue.Running: "in progress", queue.Retrying: "waiting to be tried again", queue.Succeeded: "done",
		queue.Rejected: "not possible", queue.Dead: "failed", queue.Cancelled: "cancelled", Held: "held: somebody looks at it", Refused: "not accepted", Missing: "deleted"},
	problem.Chinese: {queue.Queued: "排队中", queue.Running: "处理中", queue.Retrying: "等待重试", queue.Succeeded: "完成",
		queue.Rejected: "无法制作", queue.Dead: "失败", queue.Cancelled: "已取消", Held: "待人工查看", Refused: "未接收", Missing: "已删除"},
}

// WriteReport writes items as CSV that spreadsheets open as UTF-8 and take no formula from.
func WriteReport(w io.Writer, items []Item, lang problem.Language) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil { // without it Excel takes the bytes for another encoding
		return err
	}
	table := csv.NewWriter(w)
	table.UseCRLF = true
	if err := table.Write(headings[lang]); err != nil {
		return err
	}
	for _, i := range items {
		message := i.Message
		if i.Advice != "" {
			message += " " + i.Advice
		}
		seconds := ""
		if i.Seconds != nil {
			seconds = strconv.FormatFloat(*i.Seconds, 'f', -1, 64)
		}
		row := []string{i.Name, stateWords[lang][i.State], i.Code, message, i.TaskID, seconds, place(i.Row), place(i.Seat)}
		for n := range row {
			row[n] = harmless(row[n])
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// place is a row or seat in a group picture; nothing for a file.
func place(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// harmless keeps a spreadsheet from running a cell as a formula.
func harmless(cell string) string {
	if strings.IndexAny(cell, "=+-@\t\r") == 0 {
		return "'" + cell
	}
	return cell
}
