/*
 * Python's data symbols, for a process without Python.
 *
 * RRTMG comes inside Python extension modules. Loading one lazily leaves Python's functions
 * unresolved, and they are never called; but the loader insists on the addresses of data. This file
 * gives the driver these names, so that it needs no libpython. Nothing ever reads what they hold.
 * It belongs to the executable alone: a library that Python itself loads must not define them.
 */

#define NAME(symbol) __attribute__((visibility("default"))) char symbol[16]

NAME(PyBaseObject_Type);
NAME(PyBytes_Type);
NAME(PyCFunction_Type);
NAME(PyCapsule_Type);
NAME(PyDict_Type);
NAME(PyExc_AssertionError);
NAME(PyExc_AttributeError);
NAME(PyExc_BufferError);
NAME(PyExc_DeprecationWarning);
NAME(PyExc_Exception);
NAME(PyExc_ImportError);
NAME(PyExc_IndexError);
NAME(PyExc_KeyError);
NAME(PyExc_MemoryError);
NAME(PyExc_ModuleNotFoundError);
NAME(PyExc_NameError);
NAME(PyExc_NotImplementedError);
NAME(PyExc_OverflowError);
NAME(PyExc_RuntimeError);
NAME(PyExc_RuntimeWarning);
NAME(PyExc_StopIteration);
NAME(PyExc_SystemError);
NAME(PyExc_TypeError);
NAME(PyExc_UnboundLocalError);
NAME(PyExc_UserWarning);
NAME(PyExc_ValueError);
NAME(PyExc_ZeroDivisionError);
NAME(PyFloat_Type);
NAME(PyList_Type);
NAME(PyLong_Type);
NAME(PyMethod_Type);
NAME(PyObject_GenericGetAttr);
NAME(PyObject_GenericGetDict);
NAME(PyObject_GenericSetDict);
NAME(PySlice_Type);
NAME(PyTuple_Type);
NAME(PyType_Type);
NAME(PyUnicode_Type);
NAME(Py_OptimizeFlag);
NAME(Py_Version);
NAME(_Py_FalseStruct);
NAME(_Py_NoneStruct);
NAME(_Py_TrueStruct);
