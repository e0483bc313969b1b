# Daily ridership (thousands) at the Clark/Lake station of Chicago, with 14-day lags at other stations, weather and sports
# (package modeldata): 5698 days. The column of the date comes first.
suppressPackageStartupMessages(library(modeldata))
data(Chicago)
names <- c("date", setdiff(colnames(Chicago), "date"))
write.csv(as.data.frame(Chicago)[names], stdout(), row.names = FALSE, quote = FALSE)
