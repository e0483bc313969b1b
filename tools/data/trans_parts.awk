# From sorted lines "hash, key, source, target" to "part, source, target": exactly 2000 sources test and 2000 validate, by the
# order of the hash; a key's sources stay together.
BEGIN {
    FS = OFS = "\t"
    print "part", "source", "target"
}

function flush(i, part) {
    if (!rows) return
    part = "train"
    if (test + sources <= 2000) {
        part = "test"
        test += sources
    } else if (valid + sources <= 2000) {
        part = "valid"
        valid += sources
    }
    for (i = 1; i <= rows; i++) print part, row[i]
    rows = sources = 0
}

$2 != key { flush() }

{
    if (!rows || $3 != source) sources++
    key = $2
    source = $3
    row[++rows] = $3 OFS $4
}

END { flush() }
