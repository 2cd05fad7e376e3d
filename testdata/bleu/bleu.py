"""Tokens and BLEU scores by sacrebleu, of sentences written for this file.

    python testdata/bleu/bleu.py

It needs sacrebleu and writes bleu.toml beside itself. The translations of the long corpus are its references with words
left out, repeated, exchanged and moved by a fixed rule, as a system of middling quality has them.
"""

import json
from pathlib import Path

import sacrebleu
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

SENTENCES = [
    "",
    " ",
    "Hello, world!",
    "It's 1,000.5 (a lot).",
    "Er sagte: \u201eJa\u201c \u2013 und ging\u2026",
    "&quot;Fish &amp; chips&quot; cost &lt; 5 &gt; 3 &amp;quot;",
    "1990-2000, 3-4, a-b, 5-, -6",
    "..., a.b,c 1.,2 .5 5. 1,a a,1",
    "U.S. and e.g. i.e., 3.14.",
    "tab\tnew\u00a0space\u2003wide\u3000ideographic\x1cseparator\x85next",
    "\u65e5\u672c\u8a9e\u3002\u4e2d\u6587\uff0c a\u3001b",
    "\u00c4rger mit \u00fcberm\u00e4\u00dfigen Stra\u00dfen: \u20ac5,50!",
    "<skipped> gone -\nhere and\nthere",
    "{a|b}~[c]\\d^e_f`g'h\"i#j$k%l*m+n/o;p<q=r>s?t@u",
    "  many   spaces  ",
    "trailing newline\n",
    "\u0663.5 \u0663,\u0664 Arabic digits",
    "emoji \U0001f600, e\u0301 combining.",
    "a..b ,, .. ,. 1..2 1.,2",
    "--- -- 5-- 5--6",
]

REFERENCES = [
    "Zwei Kinder spielen im Garten hinter dem alten Haus mit einem roten Ball.",
    "Der Zug nach Hamburg f\u00e4hrt um 14.30 Uhr von Gleis 5 ab.",
    "Eine Frau in gelber Jacke wartet an der Haltestelle, w\u00e4hrend es regnet.",
    "Das Parlament stimmte gestern mit 312 zu 204 Stimmen f\u00fcr das Gesetz.",
    "\u201eWir haben nichts gewusst\u201c, sagte der Sprecher am Montag.",
    "Drei Hunde laufen \u00fcber eine Wiese und bellen einen Vogel an.",
    "Die Preise stiegen im M\u00e4rz um 2,4 Prozent, so stark wie seit 1998 nicht mehr.",
    "Ein Mann repariert sein Fahrrad auf dem Gehweg vor einem Caf\u00e9.",
    "Niemand wei\u00df, warum die Br\u00fccke gesperrt wurde.",
    "Am Abend sa\u00dfen wir lange am Feuer und erz\u00e4hlten Geschichten.",
    "Sie liest ihrer Tochter jeden Tag ein Kapitel vor.",
    "Die Forscher fanden in 17 von 20 Proben Spuren von Blei.",
]


def worsened(sentence, number):
    words = sentence.split()
    kept = [word for place, word in enumerate(words) if (place * 7 + number * 3) % 11]
    if number % 3 == 0:
        kept[1:3] = kept[1:3][::-1]
    if number % 4 == 1:
        kept.insert(2, kept[1])
    if number % 5 == 2:
        kept[-1] = "etwas."
    return " ".join(kept)


CORPORA = {
    "the same": (REFERENCES, REFERENCES),
    "middling": ([worsened(sentence, number) for number, sentence in enumerate(REFERENCES)], REFERENCES),
    "one sentence": (["Der Zug nach Bremen f\u00e4hrt um 15.30 Uhr ab."], [REFERENCES[1]]),
    "too long": ([sentence + " " + sentence for sentence in REFERENCES], REFERENCES),
    "too short": ([" ".join(sentence.split()[:5]) for sentence in REFERENCES], REFERENCES),
    "single words": (["Zwei", "Der"], REFERENCES[:2]),
    "shorter than four": (["Zwei Kinder spielen"], [REFERENCES[0]]),
    "no 4-gram": (["Zwei Kinder spielen nie im Garten hinter der Schule mit dem"], [REFERENCES[0]]),
    "no 3-gram, no 4-gram": (["Zwei Kinder rennen im Garten vor dem neuen Haus"], [REFERENCES[0]]),
    "single words match": (["Garten Haus Ball im Kinder dem einem alten"], [REFERENCES[0]]),
    "nothing matches": (["alles ganz anders als gedacht"], [REFERENCES[0]]),
    "some are empty": (["", REFERENCES[1], ""], REFERENCES[:3]),
    "all are empty": (["", ""], REFERENCES[:2]),
    "empty references": ([REFERENCES[0], REFERENCES[1]], ["", REFERENCES[1]]),
    "case counts": ([REFERENCES[2].upper(), REFERENCES[3]], REFERENCES[2:4]),
    "repeated words": (["der der der der der der der"], ["der Hund und der Mann und der Ball"]),
}

quoted = json.dumps  # A JSON string is a TOML string where no character is outside the first plane.


def text(string):
    return quoted(string, ensure_ascii=False).replace("\x85", "\\u0085")


tokenize = Tokenizer13a()
lines = [f"# Made by bleu.py, which describes it, with sacrebleu {sacrebleu.__version__}."]
for sentence in SENTENCES:
    tokens = tokenize(sentence.rstrip()).split()
    lines += ["", "[[tokens]]", f"sentence = {text(sentence)}", f"tokens = [{', '.join(map(text, tokens))}]"]
for name, (hypotheses, references) in CORPORA.items():
    bleu = sacrebleu.corpus_bleu(hypotheses, [references])
    lines += ["", "[[corpus]]", f"name = {text(name)}"]
    lines += [f"hypotheses = [{', '.join(map(text, hypotheses))}]", f"references = [{', '.join(map(text, references))}]"]
    lines += [f"score = {bleu.score:.15e}", f"precisions = [{', '.join(f'{p:.15e}' for p in bleu.precisions)}]"]
    lines += [f"brevity_penalty = {bleu.bp:.15e}", f"lengths = [{bleu.sys_len}, {bleu.ref_len}]"]
Path(__file__).with_suffix(".toml").write_text("\n".join(lines) + "\n")
