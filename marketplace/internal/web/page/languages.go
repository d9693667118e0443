package page

import (
	"strings"

	"golang.org/x/text/language"
)

// formatLanguage names a language in English, as sentences are, with what its code says besides:
// "Portuguese (BR)". A code without a name says that it is one.
func formatLanguage(code string) string {
	tag, err := language.Parse(code)
	if err != nil {
		return "Language " + code
	}
	base, _ := tag.Base()
	_, rest, known := strings.Cut("\n"+languageNames, "\n"+base.String()+" ")
	name, _, _ := strings.Cut(rest, "\n")
	if _, more, _ := strings.Cut(tag.String(), "-"); known && more != "" {
		name += " (" + more + ")"
	}
	if !known {
		name = "Language " + code
	}
	return name
}

// languageNames has a language on each line. The package display of x/text knows more, in all
// languages, and makes the program 2.4 MB larger.
const languageNames = `ab Abkhazian
af Afrikaans
ak Akan
am Amharic
an Aragonese
ang Old English
ar Arabic
arc Aramaic
as Assamese
ay Aymara
az Azerbaijani
ba Bashkir
be Belarusian
bg Bulgarian
bm Bambara
bn Bangla
bo Tibetan
br Breton
bs Bosnian
ca Catalan
ce Chechen
cmn Mandarin Chinese
co Corsican
cop Coptic
cs Czech
cv Chuvash
cy Welsh
da Danish
de German
dv Dhivehi
dz Dzongkha
ee Ewe
el Greek
en English
enm Middle English
eo Esperanto
es Spanish
et Estonian
eu Basque
fa Persian
ff Fula
fi Finnish
fil Filipino
fj Fijian
fo Faroese
fr French
fy Frisian
ga Irish
gd Scottish Gaelic
gl Galician
gn Guarani
grc Ancient Greek
gsw Swiss German
gu Gujarati
gv Manx
ha Hausa
haw Hawaiian
he Hebrew
hi Hindi
hr Croatian
hsb Upper Sorbian
ht Haitian Creole
hu Hungarian
hy Armenian
ia Interlingua
id Indonesian
ig Igbo
is Icelandic
it Italian
iu Inuktitut
ja Japanese
jv Javanese
ka Georgian
ki Kikuyu
kk Kazakh
kl Greenlandic
km Khmer
kn Kannada
ko Korean
ku Kurdish
kw Cornish
ky Kyrgyz
la Latin
lad Ladino
lb Luxembourgish
lg Ganda
ln Lingala
lo Lao
lt Lithuanian
lv Latvian
mg Malagasy
mi Maori
mk Macedonian
ml Malayalam
mn Mongolian
mr Marathi
ms Malay
mt Maltese
mul Several languages
my Burmese
nah Nahuatl
nb Norwegian Bokmål
nds Low German
ne Nepali
nl Dutch
nn Norwegian Nynorsk
no Norwegian
nv Navajo
ny Chichewa
oc Occitan
om Oromo
or Odia
os Ossetic
pa Punjabi
pi Pali
pl Polish
ps Pashto
pt Portuguese
qu Quechua
rm Romansh
ro Romanian
ru Russian
rw Kinyarwanda
sa Sanskrit
sc Sardinian
sco Scots
sd Sindhi
se Northern Sami
si Sinhala
sk Slovak
sl Slovenian
sm Samoan
sn Shona
so Somali
sq Albanian
sr Serbian
st Southern Sotho
su Sundanese
sv Swedish
sw Swahili
syr Syriac
ta Tamil
te Telugu
tg Tajik
th Thai
ti Tigrinya
tk Turkmen
tl Tagalog
tn Tswana
to Tongan
tr Turkish
ts Tsonga
tt Tatar
ug Uyghur
uk Ukrainian
ur Urdu
uz Uzbek
vi Vietnamese
vo Volapük
wo Wolof
xh Xhosa
yi Yiddish
yo Yoruba
yue Cantonese
zh Chinese
zu Zulu
`
