# Splice junctions of primates: 60 bases, the class of the middle: exon-intron (ei), intron-exon (ie) or neither (n) (package
# mlbench, where a base is three indicators: A 100, C 010, G 001, T 000): 3186 rows. Equal sequences stay in one part; of each
# class every fifth different sequence tests and every tenth validates.
suppressPackageStartupMessages(library(mlbench))
data(DNA)
bits <- sapply(DNA[, 1:180], function(v) as.integer(as.character(v)))
base <- sapply(0:59, function(i) c("T", "A", "C", "G")[1 + bits[, 3 * i + 1] + 2 * bits[, 3 * i + 2] + 3 * bits[, 3 * i + 3]])
sequence <- apply(base, 1, paste, collapse = "")
label <- as.character(DNA$Class)
first <- !duplicated(sequence)
rank <- integer(length(sequence))
for (c in unique(label)) rank[first & label == c] <- seq_len(sum(first & label == c))
rank <- rank[match(sequence, sequence)]
part <- ifelse(rank %% 5 == 4, "test", ifelse(rank %% 10 == 0, "valid", "train"))
write.csv(data.frame(part, label, sequence), stdout(), row.names = FALSE, quote = FALSE)
