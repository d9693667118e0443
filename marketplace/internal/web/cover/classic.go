package cover

import "fmt"

// The layouts of this file have the title in the middle.

// plate is a paper label on patterned cloth.
func plate(p *page) {
	thread := p.ground.mix(p.accent, 0.38)
	switch p.rng.IntN(3) {
	case 0: // diagonal weave
		for x := -Height; x < Width; x += 22 {
			p.path(fmt.Sprintf("M%d 0h7l%d %dh-7z", x, Height, Height), thread)
		}
	case 1: // dots
		for row := range 22 {
			for column := range 15 {
				p.circle(float64(column*21+(row%2)*10), float64(row*21+6), 3.2, thread)
			}
		}
	default: // scales
		for row := 24; row >= 0; row-- {
			for column := range 9 {
				p.ring(float64(column*40+(row%2)*20), float64(row*20-10), 19, 2.2, thread)
			}
		}
	}
	title, author := p.title(200, 170), p.author(200)
	h := title.height() + author.height() + 62
	y := (Height-h)/2 - 18
	paper, ink := p.ink, p.ground
	p.rect(36, y, 228, h, paper)
	p.outline(43, y+7, 214, h-14, 1.5, p.accent)
	p.text(title, 150, y+22, "middle", serif, "700", ink)
	p.rect(128, y+title.height()+30, 44, 2.5, p.accent)
	p.text(author, 150, y+title.height()+42, "middle", serif, "400", ink)
}

// bands are three fields, the title in the middle one.
func bands(p *page) {
	title, author := p.title(240, 180), p.author(240)
	middle := max(title.height()+56, 170)
	y := (Height - middle) / 2
	p.rect(0, 0, Width, Height, p.accent)
	p.rect(0, y, Width, middle, p.ground)
	p.rect(0, y+8, Width, 2, p.accent)
	p.rect(0, y+middle-10, Width, 2, p.accent)
	// A small mark on the upper band and the author's plate on the lower one.
	p.circle(150, y/2, 27, p.ground)
	p.star(150, y/2, 17, 4+p.rng.IntN(5), p.accent)
	p.text(title, 150, y+(middle-title.height())/2, "middle", serif, "700", p.ink)
	lower := y + middle
	box := author.height() + 20
	p.rect(26, lower+(Height-lower-box)/2, 248, box, p.ground)
	p.text(author, 150, lower+(Height-lower-author.height())/2, "middle", serif, "400", p.ink)
}

// frame is a ruled border with ornaments at its corners.
func frame(p *page) {
	p.outline(22, 18, 262, 414, 3, p.accent)
	p.outline(30, 26, 246, 398, 1.2, p.accent)
	for _, x := range []float64{30, 276} {
		for _, y := range []float64{26, 424} {
			p.circle(x, y, 22, p.ground)
			p.ring(x, y, 13, 2.4, p.accent)
			p.circle(x, y, 5, p.accent)
		}
	}
	p.rect(8, 0, 6, Height, p.ground) // the ornaments stay inside
	title, author := p.title(214, 200), p.author(214)
	y := (Height-title.height())/2 - 24
	p.star(153, 82, 22, 5+p.rng.IntN(8), p.accent)
	p.text(title, 153, y, "middle", serif, "700", p.ink)
	p.text(author, 153, 394-author.height(), "middle", serif, "400", p.ink)
	y = 374 - author.height()
	p.rect(118, y, 70, 1.6, p.accent)
	p.path(fmt.Sprintf("M153 %.4gl7 7l-7 7l-7-7z", y-6.2), p.accent)
}

// initial is the first letter, as high as the page.
func initial(p *page) {
	letter := "B"
	for _, r := range p.book.Title {
		letter = string(r)
		break
	}
	shade := p.ground.mix(p.accent, 0.55)
	fmt.Fprintf(&p.b, `<text x="%d" y="300" font-family="%s" font-size="400" font-weight="700" text-anchor="middle" fill="%s">`,
		130+p.rng.IntN(50), serif, shade)
	p.escape(letter)
	p.b.WriteString("</text>")
	title, author := p.title(246, 150), p.author(246)
	h := title.height() + author.height() + 44
	p.rect(0, Height-h, Width, h, p.ground)
	p.rect(26, Height-h, 56, 5, p.accent)
	p.text(title, 26, Height-h+14, "start", serif, "700", p.ink)
	p.text(author, 26, Height-h+title.height()+22, "start", serif, "400", p.ink)
}
