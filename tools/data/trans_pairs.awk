# From the dictionary trans-de-en to lines "hash, key, source, target" (tabs): phrases of 2 to 8 words on both sides, brackets taken
# out. A line is "German | more :: English | more"; what stands between bars belongs together, and every variant behind a semicolon
# is a source on the left and a reference on the right. The key is the source without case and punctuation: sources of one key are
# kept in one part by trans_parts.awk, in the order of the key's hash.
BEGIN {
    FS = " :: "
    OFS = "\t"
    for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i
}

function clean(s) {
    while (gsub(/\([^][(){}]*\)|\[[^][(){}]*\]|\{[^][(){}]*\}/, " ", s)) continue
    gsub(/<[^<>]*>/, " ", s)
    return s
}

function trim(s) {
    gsub(/[ \t]+/, " ", s)
    sub(/^ /, "", s)
    sub(/ $/, "", s)
    return s
}

function words(s, list) {
    return split(s, list, " ")
}

function key_of(s) {
    s = tolower(s)
    gsub(/\303\204/, "\303\244", s)
    gsub(/\303\226/, "\303\266", s)
    gsub(/\303\234/, "\303\274", s)
    gsub(/[^a-z0-9\200-\377]+/, " ", s)
    return trim(s)
}

# A polynomial over the bytes, exact in doubles, and a last multiplication that spreads it.
function hash_of(s, h, i) {
    h = 7
    for (i = 1; i <= length(s); i++) h = (h * 131 + code[substr(s, i, 1)]) % 2147483647
    return (h * 48271) % 2147483647
}

/^#/ || NF != 2 { next }

{
    german = clean($1)
    english = clean($2)
    if (german english ~ /[][(){}<>]/) next # a bracket without its other half
    groups = split(german, de, "|")
    if (split(english, en, "|") != groups) next
    for (g = 1; g <= groups; g++) {
        sources = split(de[g], source, ";")
        targets = split(en[g], target, ";")
        for (i = 1; i <= sources; i++) {
            s = trim(source[i])
            n = words(s, list)
            key = key_of(s)
            if (n < 2 || n > 8 || key == "") continue
            h = hash_of(key)
            for (j = 1; j <= targets; j++) {
                t = trim(target[j])
                n = words(t, list)
                if (n >= 2 && n <= 8) print h, key, s, t
            }
        }
    }
}
