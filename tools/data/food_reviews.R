# Reviews of fine foods with the class "great" or "other" (package modeldata): 4000 rows to train on, of which every tenth
# validates, and 1000 to test.
suppressPackageStartupMessages(library(modeldata))
data(small_fine_foods)
part <- ifelse(seq_len(nrow(training_data)) %% 10 == 0, "valid", "train")
rows <- rbind(data.frame(part = part, label = training_data$score, text = training_data$review),
              data.frame(part = "test", label = testing_data$score, text = testing_data$review))
rows$text <- enc2utf8(rows$text)
write.csv(rows, stdout(), row.names = FALSE, quote = 3)
