package cover

import "math"

// The layouts of this file are a picture of plain shapes with the title above
// or below it.

// star draws a star.
func (p *page) star(x, y, r float64, points int, fill rgb) {
	p.write(`<path d="`)
	for i := range 2 * points {
		reach, command := r, "L"
		if i%2 == 1 {
			reach = r * 0.8
		}
		if i == 0 {
			command = "M"
		}
		angle := math.Pi*float64(i)/float64(points) - math.Pi/2
		p.write(command, x+reach*math.Cos(angle), " ", y+reach*math.Sin(angle))
	}
	p.write(`z" fill="`, fill, `"/>`)
}

// above sets title and author at the top left, and returns the y where they end.
func (p *page) above() float64 {
	title, author := p.title(250, 140), p.author(250)
	p.setTitle(title, 28, 30, "start", p.ink)
	y := 30 + title.height() + 10
	p.setAuthor(author, 28, y, "start", p.ink)
	return y + author.height()
}

// below sets title and author at the bottom left, on a plain ground, and returns the
// y where that begins.
func (p *page) below() float64 {
	title, author := p.title(250, 140), p.author(250)
	h := title.height() + author.height() + 50
	y := Height - h
	p.rect(0, y, Width, h, p.ground)
	p.setTitle(title, 28, y+16, "start", p.ink)
	p.setAuthor(author, 28, y+title.height()+26, "start", p.ink)
	return y
}

// horizon is a sun over hills, with the motif in it.
func horizon(p *page) {
	top := p.above() + 24
	r := 42 + p.rng.Float64()*26
	x := 80 + p.rng.Float64()*150
	y := min(top+r+8, Height-120)
	p.circle(x, y, r, p.accent)
	p.stamp(x, y, r*0.62, 0, p.ground)
	const ridges = 4
	for i := range ridges {
		share := float64(i+1) / ridges
		base := top + (Height-top)*(0.44+0.15*float64(i))
		lift := 26 + p.rng.Float64()*26
		shift := p.rng.Float64() * 120
		p.path(p.ground.mix(p.accent, 0.55).mix(p.ink, share*0.72), "M-20 ", base, "C", 30+shift/3, " ", base-lift, " ", 70+shift, " ", base-lift, " ",
			130+shift/2, " ", base+4, "S", 250+shift/3, " ", base-lift*1.2, " 320 ", base-lift/3, "V460H-20z")
	}
}

// rings are circles around a point, like a record or a pond.
func rings(p *page) {
	x := []float64{40, 150, 270}[p.rng.IntN(3)]
	y := 60 + p.rng.Float64()*110
	step := 24 + p.rng.Float64()*10
	for i := 11; i > 0; i-- {
		fill := p.ground.mix(p.accent, 0.25)
		switch {
		case i%2 == 0:
			fill = p.ground
		case i%3 == 0:
			fill = p.accent
		}
		p.circle(x, y, step*float64(i), fill)
	}
	p.circle(x, y, step*1.6, p.ink)
	p.stamp(x, y, step*1.1, 0, p.ground)
	y = p.below()
	p.rect(0, y, Width, 4, p.accent)
}

// tiles are quarter circles, rotated at random, and motifs.
func tiles(p *page) {
	const side = 60
	colours := [...]rgb{p.accent, p.second, p.ground.mix(p.accent, 0.45), p.ground.mix(p.ink, 0.85), p.ground.mix(p.ink, 0.25)}
	for row := range 5 {
		for column := range Width / side {
			x, y := float64(column*side), float64(row*side)
			p.rect(x, y, side, side, p.ground.mix(p.ink, 0.06))
			fill := colours[p.rng.IntN(len(colours))]
			switch p.rng.IntN(8) {
			case 0:
				p.path(fill, "M", x, " ", y, "h60a60 60 0 0 1-60 60z")
			case 1:
				p.path(fill, "M", x+side, " ", y, "v60a60 60 0 0 1-60-60z")
			case 2:
				p.path(fill, "M", x+side, " ", y+side, "h-60a60 60 0 0 1 60-60z")
			case 3:
				p.path(fill, "M", x, " ", y+side, "v-60a60 60 0 0 1 60 60z")
			case 4:
				p.circle(x+side/2, y+side/2, side/2, fill)
			case 5, 6:
				p.stamp(x+side/2, y+side/2, side*0.4, 0, fill)
			default:
				p.path(fill, "M", x, " ", y, "h60l-60 60z")
			}
		}
	}
	p.below()
}

// stripes are upright, like the spines of books on a shelf.
func stripes(p *page) {
	top := p.above() + 26
	mark := top < 240 // there is room for the motif above the last books
	x := 28.0
	for x < Width-44 {
		w := min(14+p.rng.Float64()*26, Width-26-x)
		y := top + p.rng.Float64()*70
		if mark && x > 170 {
			y += 48
		}
		fill := p.ground.mix(p.accent, 0.3+p.rng.Float64()*0.7)
		if p.rng.IntN(4) == 0 {
			fill = p.ink
		}
		p.rect(x, y, w-4, Height-34-y, fill)
		if w > 22 {
			p.rect(x+4, y+14, w-12, 3, p.ground)
			p.rect(x+4, y+21, w-12, 3, p.ground)
		}
		x += w
	}
	p.rect(20, Height-34, Width-40, 6, p.ink)
	if mark {
		p.stamp(232, top+10, 32, 0, p.second)
	}
}

// waves cover the lower part, before the motif.
func waves(p *page) {
	top := p.above() + 30
	const rows = 9
	step := (Height - top) / rows
	r := min(step*1.9, 80)
	p.stamp(70+p.rng.Float64()*160, top+r-14, r, 0, p.second)
	for row := 2; row < rows; row++ {
		y := top + step*(float64(row)+0.4)
		lift := step * (0.5 + p.rng.Float64()*0.4)
		shift := -p.rng.Float64() * 75
		fill := p.ground.mix(p.accent, 0.2+0.8*float64(row)/rows)
		if row == rows-2 {
			fill = p.ink
		}
		p.write(`<path d="M`, shift-75, " ", y)
		for range 7 {
			p.write("q18.8 ", -lift, " 37.5 0t37.5 0")
		}
		p.write(`V460H-160z" fill="`, fill, `"/>`)
	}
}
