package main

// genre is a category of the catalogue, with how synthetic readers choose from it.
type genre struct {
	slug  string
	name  string   // name in the labels of sample readers
	share int64    // weight of the genre when a reader's favourite is drawn
	kin   []string // related genres, which its readers also read
	from  int64    // price range, in units of 10 cents
	to    int64
}

// genres lists the categories of the catalogue. The shares are a guess at what a
// general bookshop sells.
func genres() []genre {
	return []genre{
		{"fantasy", "fantasy", 14, []string{"young-adult", "science-fiction", "children"}, 89, 159},
		{"mystery-thriller", "mystery", 12, []string{"horror", "fiction", "historical-fiction"}, 79, 139},
		{"fiction", "fiction", 11, []string{"historical-fiction", "classics", "romance"}, 89, 149},
		{"classics", "classics", 10, []string{"poetry", "religion-philosophy", "historical-fiction"}, 69, 119},
		{"young-adult", "young adult", 10, []string{"fantasy", "romance", "children"}, 79, 139},
		{"science-fiction", "science fiction", 9, []string{"fantasy", "science-business", "comics"}, 79, 149},
		{"romance", "romance", 9, []string{"young-adult", "fiction", "historical-fiction"}, 69, 129},
		{"historical-fiction", "historical fiction", 8, []string{"history", "romance", "fiction"}, 89, 159},
		{"children", "children's books", 7, []string{"fantasy", "comics", "young-adult"}, 69, 129},
		{"biography-memoir", "biography", 7, []string{"non-fiction", "history", "self-help"}, 99, 219},
		{"horror", "horror", 7, []string{"mystery-thriller", "comics", "science-fiction"}, 79, 139},
		{"history", "history", 7, []string{"biography-memoir", "historical-fiction", "religion-philosophy"}, 119, 249},
		{"self-help", "self-help", 6, []string{"science-business", "religion-philosophy", "biography-memoir"}, 99, 189},
		{"non-fiction", "non-fiction", 6, []string{"science-business", "biography-memoir", "history"}, 99, 199},
		{"science-business", "science", 6, []string{"non-fiction", "self-help", "science-fiction"}, 109, 249},
		{"comics", "comics", 6, []string{"science-fiction", "fantasy", "horror"}, 99, 219},
		{"religion-philosophy", "philosophy", 5, []string{"classics", "self-help", "poetry"}, 79, 179},
		{"poetry", "poetry", 5, []string{"classics", "religion-philosophy", "fiction"}, 69, 139},
	}
}
