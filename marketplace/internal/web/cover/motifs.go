package cover

// The layouts of this file have the motif of the book for a picture.

// emblem is the motif in the middle, large, between title and author.
func emblem(p *page) {
	title, author := p.title(250, 150), p.author(250)
	p.setTitle(title, 156, 30, "middle", p.ink)
	top, bottom := 30+title.height()+16, Height-34-author.height()
	y := (top + bottom) / 2
	r := min((bottom-top)/2-8, 104)
	switch p.rng.IntN(3) {
	case 0:
		p.stamp(156, y, r, 0, p.accent)
	case 1: // in a sun
		p.circle(156, y, r, p.accent)
		p.stamp(156, y, r*0.68, 0, p.ground)
	default: // with its shadow
		p.stamp(156+r*0.09, y+r*0.07, r*0.92, 0, p.ground.mix(p.second, 0.45))
		p.stamp(156, y, r*0.92, 0, p.accent)
	}
	p.setAuthor(author, 156, bottom+6, "middle", p.ink)
}

// medallion is the motif on a round plate above the title.
func medallion(p *page) {
	y := p.below()
	cy := y/2 + 6
	r := min(y/2-22, 100)
	count := 8 + p.rng.IntN(3)*4
	p.rect(0, 0, Width, y, p.ground.mix(p.second, 0.5))
	p.star(156, cy, r*1.18, count*2, p.accent)
	p.circle(156, cy, r*0.86, p.ground)
	p.ring(156, cy, r*0.78, 2.5, p.accent)
	p.stamp(156, cy, r*0.56, 0, p.ink)
	p.rect(0, y, Width, 5, p.accent)
}

// looming is the motif larger than the page, cut off at a corner.
func looming(p *page) {
	top := p.above() + 20
	x := []float64{70, 150, 240}[p.rng.IntN(3)]
	turn := float64(p.rng.IntN(5)-2) * 8
	r := (Height - top) * (0.52 + p.rng.Float64()*0.1)
	p.stamp(x, top+r+4, r, turn, p.ground.mix(p.accent, 0.85))
	p.stamp(x+(150-x)*1.5, Height-44, 30, 0, p.second)
}

// halves are two fields with a slanting edge, the motif over it.
func halves(p *page) {
	y := p.below()
	lift := float64(p.rng.IntN(5)-2) * 34
	middle := y * 0.5
	p.path(p.accent, "M0 0H300V", middle-lift, "L0 ", middle+lift, "z")
	p.path(p.ground.mix(p.second, 0.55), "M0 ", middle+lift, "L300 ", middle-lift, "V", y, "H0z")
	r := min(y*0.32, 86)
	p.circle(156, middle, r*1.25, p.ground)
	p.stamp(156, middle, r*0.86, 0, p.ink)
}

// scatter is the motif in many sizes and directions.
func scatter(p *page) {
	y := p.below()
	fills := [...]rgb{p.accent, p.second, p.ground.mix(p.ink, 0.8), p.ground.mix(p.accent, 0.4)}
	columns := 3 + p.rng.IntN(2)
	step := 292 / float64(columns)
	for row := 0; float64(row+1)*step <= y+step*0.1; row++ {
		for column := range columns {
			r := step * (0.26 + p.rng.Float64()*0.18)
			x := 10 + step*(float64(column)+0.4+p.rng.Float64()*0.2)
			p.stamp(x, step*(float64(row)+0.42+p.rng.Float64()*0.16), r, float64(p.rng.IntN(9)-4)*15, fills[p.rng.IntN(len(fills))])
		}
	}
	p.below() // again, over what reaches into it
}

// cloth is a label on cloth with the motif in rows.
func cloth(p *page) {
	p.rect(0, 0, Width, Height, p.ground.mix(p.accent, 0.16))
	thread := p.ground.mix(p.accent, 0.6)
	columns := 3 + p.rng.IntN(2)
	step := 286 / float64(columns)
	turn := float64(p.rng.IntN(3)-1) * 20
	for row := 0; float64(row)*step < Height; row++ {
		for column := range columns {
			x := 14 + step*(float64(column)+0.5)
			p.stamp(x, step*(float64(row)+0.5), step*0.32, turn, thread)
		}
	}
	p.label()
}
