# Write a text as a C array: cmake -DFROM=text -DTO=source.c -P embed.cmake
file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n  " bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " bytes "${bytes}")
file(WRITE ${TO} "/* Made by the build from source_functions.h. */\n#include \"engines/native/source_text.h\"\n\n\
const char source_text[] = {\n  ${bytes}0};\n")
