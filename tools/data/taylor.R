# Half-hourly electricity demand in England and Wales, 5 June to 27 August 2000 (Taylor 2003; package forecast): 4032 rows.
suppressPackageStartupMessages(library(forecast))
data(taylor)
write.csv(data.frame(demand = as.numeric(taylor)), stdout(), row.names = FALSE, quote = FALSE)
