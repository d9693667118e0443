package cover

import "hash/fnv"

// family is what the covers of a category have in common.
type family struct {
	palette
	modern bool // which typefaces suit it
	motifs [6]motif
}

// familyOf returns the family of a category. Categories of other catalogues get one from
// their slug.
func familyOf(category string) family {
	switch category {
	case "fantasy":
		return family{colour(0x2e2459, 0x8f74d6, 0xefe9fb), false, [6]motif{castle, sword, crown, moon, mountain, pine}}
	case "science-fiction":
		return family{colour(0x0b3048, 0x2ba6c1, 0xe2f3f6), true, [6]motif{planet, rocket, atom, windRose, eye, hourglass}}
	case "mystery-thriller":
		return family{colour(0x1d1e26, 0xcc3b2f, 0xf3eee8), true, [6]motif{keyhole, magnifier, eye, key, sword, umbrella}}
	case "romance":
		return family{colour(0x6e1a3c, 0xe77a95, 0xfdecee), false, [6]motif{heart, twoRings, envelope, flower, cup, bird}}
	case "horror":
		return family{colour(0x220f10, 0xa82a22, 0xf4e5dc), false, [6]motif{bat, moon, house, pine, eye, door}}
	case "historical-fiction":
		return family{colour(0x4d2d15, 0xc98d41, 0xf8eddb), false, [6]motif{ship, castle, shield, quill, crown, sword}}
	case "classics":
		return family{colour(0x143a2c, 0xb8933f, 0xf4eedd), false, [6]motif{openBook, quill, column, umbrella, hourglass, ship}}
	case "young-adult":
		return family{colour(0x133e6c, 0xf08c4e, 0xfff0e4), true, [6]motif{plane, lightning, star, balloon, bird, speech}}
	case "children":
		return family{colour(0x0c524c, 0xf4b83d, 0xfff5d9), true, [6]motif{balloon, cat, star, ship, house, umbrella}}
	case "comics":
		return family{colour(0x1e2c70, 0xf3c433, 0xfff3cb), true, [6]motif{speech, burst, mask, lightning, rocket, eye}}
	case "poetry":
		return family{colour(0x3f3b58, 0xab99cc, 0xf3eff8), false, [6]motif{leaf, quill, bird, moon, flower, fish}}
	case "biography-memoir":
		return family{colour(0x37312a, 0xbc7f43, 0xf5efe5), false, [6]motif{bust, quill, windRose, key, speech, envelope}}
	case "history":
		return family{colour(0x521f1a, 0xbf8f4e, 0xf7ecdc), false, [6]motif{column, shield, crown, ship, hourglass, windRose}}
	case "self-help":
		return family{colour(0x165340, 0x7dbd8d, 0xe9f6eb), true, [6]motif{steps, sprout, bulb, sun, mountain, plane}}
	case "religion-philosophy":
		return family{colour(0x2c3145, 0xc5a35c, 0xf3efe4), false, [6]motif{lotus, door, eye, sun, column, hourglass}}
	case "science-business":
		return family{colour(0x10325a, 0x5197cc, 0xe7f1f9), true, [6]motif{flask, atom, bars, bulb, planet, leaf}}
	case "fiction":
		return family{colour(0x233a4e, 0xdd765f, 0xf8efe6), true, [6]motif{door, cup, bird, umbrella, house, key}}
	case "non-fiction":
		return family{colour(0x2d3d33, 0x8fa653, 0xf1f3e4), true, [6]motif{windRose, speech, bars, leaf, magnifier, openBook}}
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(category)) // never fails
	turn := float64(sum.Sum32()%360) / 360
	return family{
		palette{hue(turn, 0.45, 0.19), hue(turn, 0.50, 0.58), hue(turn, 0.45, 0.94)},
		sum.Sum32()%2 == 0, [6]motif{openBook, leaf, star, windRose, door, sun},
	}
}

func colour(deep, bright, pale uint32) palette { return palette{hex(deep), hex(bright), hex(pale)} }
