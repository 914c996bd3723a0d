package server

// Title is the English title of a refusal, and its code: what a Problem of that
// error has.
func Title(err error) (title, code string) {
	p := describe(err)
	return p.Title, p.Code
}
