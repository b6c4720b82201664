/* A library that says it is Python of another version. */
int Py_IsInitialized(void);
const char *Py_GetVersion(void);

int Py_IsInitialized(void) { return 1; }
const char *Py_GetVersion(void) { return "3.1.4 (of another kind)"; }
