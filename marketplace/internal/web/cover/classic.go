package cover

// The layouts of this file have the title in the middle.

// plate is a paper label on patterned cloth.
func plate(p *page) {
	p.write(`<path d="`)
	switch p.rng.IntN(4) {
	case 0: // diagonal weave
		step := 18 + p.rng.IntN(4)*4
		for x := -Height; x < Width; x += step {
			p.write("M", x, " 0h7l450 450h-7z")
		}
	case 1: // dots
		for row := range 22 {
			for column := range 15 {
				p.write("M", column*21+(row%2)*10, " ", row*21+3, "a3 3 0 1 0 .1 0z")
			}
		}
	case 2: // checks
		side := 20 + p.rng.IntN(4)*5
		for y := 0; y < Height; y += side {
			for x := (y / side % 2) * side; x < Width; x += 2 * side {
				p.write("M", x, " ", y, "h", side, "v", side, "h", -side, "z")
			}
		}
	default: // scales
		for row := range 25 {
			for column := range 9 {
				p.write("M", column*40+(row%2)*20-20, " ", row*20-10, "a20 20 0 0 0 40 0h-2.5a17.5 17.5 0 0 1-35 0z")
			}
		}
	}
	p.write(`" fill="`, p.ground.mix(p.accent, 0.38), `"/>`)
	p.label()
}

// label is a paper label in the middle, with title, motif and author.
func (p *page) label() {
	title, author := p.title(200, 170), p.author(200)
	const mark = 17
	h := title.height() + author.height() + 2*mark + 66
	y := (Height-h)/2 - 18
	paper, ink := p.ink, p.ground
	p.rect(36, y, 228, h, paper)
	p.outline(43, y+7, 214, h-14, 1.5, p.accent)
	p.setTitle(title, 150, y+22, "middle", ink)
	p.stamp(150, y+title.height()+32+mark, mark, 0, p.accent.mix(ink, 0.3))
	p.setAuthor(author, 150, y+title.height()+44+2*mark, "middle", ink)
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
	// The motif on the upper band and the author's plate on the lower one.
	if p.rng.IntN(2) == 0 {
		p.circle(150, y/2, min(y/2-8, 46), p.ground)
		p.stamp(150, y/2, min(y/2-8, 46)*0.66, 0, p.accent)
	} else {
		for i := range 3 {
			p.stamp(66+84*float64(i), y/2, min(y/2-14, 32), 0, p.ground)
		}
	}
	p.setTitle(title, 150, y+(middle-title.height())/2, "middle", p.ink)
	lower := y + middle
	box := author.height() + 20
	p.rect(26, lower+(Height-lower-box)/2, 248, box, p.ground)
	p.setAuthor(author, 150, lower+(Height-lower-author.height())/2, "middle", p.ink)
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
	p.stamp(153, max(y/2+20, 62), min(max(y/2-30, 18), 44), 0, p.second)
	p.setTitle(title, 153, y, "middle", p.ink)
	p.setAuthor(author, 153, 394-author.height(), "middle", p.ink)
	y = 374 - author.height()
	p.rect(118, y, 70, 1.6, p.accent)
	p.path(p.accent, "M153 ", y-6.2, "l7 7l-7 7l-7-7z")
}

// initial is the first letter, as high as the page.
func initial(p *page) {
	letter := "B"
	for _, r := range p.book.Title {
		letter = string(r)
		break
	}
	p.write(`<text x="`, 130+p.rng.IntN(50), `" y="300" font-family="`, p.face.fonts,
		`" font-size="400" font-weight="700" text-anchor="middle" fill="`, p.ground.mix(p.accent, 0.55), `">`)
	p.escape(letter)
	p.b.WriteString("</text>")
	title, author := p.title(246, 150), p.author(246)
	h := title.height() + author.height() + 44
	p.rect(0, Height-h, Width, h, p.ground)
	p.rect(26, Height-h, 56, 5, p.accent)
	p.stamp(250, 46, 28, 0, p.second)
	p.setTitle(title, 26, Height-h+14, "start", p.ink)
	p.setAuthor(author, 26, Height-h+title.height()+22, "start", p.ink)
}
