/* source_text.h - the text of source_functions.h behind the preprocessor, made by the build. */
#ifndef NATIVE_SOURCE_TEXT_H
#define NATIVE_SOURCE_TEXT_H

extern const char source_text[];

#endif
