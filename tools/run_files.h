/* The files that a run writes in its directory, by name: what may be removed with it. */
#ifndef RUN_FILES_H
#define RUN_FILES_H

/* Removes those files from a run's directory or from its checkpoints/, and the directory where nothing else is left in it. The lock goes
   last: until then nobody else begins there. */
void run_files_remove(const char *dir);

#endif
