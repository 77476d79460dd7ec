#!/bin/bash
# A program outside this tree finds the installed library by pkg-config and by CMake, shared
# and static, and runs.
#   tests/package.sh BUILD-DIRECTORY CMAKE
set -eu
build=${1:?usage: package.sh BUILD-DIRECTORY CMAKE}
cmake=${2:?usage: package.sh BUILD-DIRECTORY CMAKE}
dir=$(mktemp -d)
done=0
trap 'rm -rf "$dir"; echo "cases: $done passed, $((1 - done)) failed"' EXIT

cat > "$dir/main.c" << 'END'
#include <perch/perch.h>
#include <stdio.h>

int main(void)
{
    struct perch_client_options options = PERCH_CLIENT_OPTIONS_INIT;
    perch_client *client;

    options.host = "mail.example.org";
    options.tls_unverified = true;
    client = perch_client_new(NULL, &options, NULL, NULL, NULL);
    puts(client ? perch_version() : "no client");
    perch_client_free(client);
    return !client;
}
END
cat > "$dir/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.25)
project(stranger C)
find_package(perch 0.1 REQUIRED COMPONENTS static)
add_executable(shared main.c)
target_link_libraries(shared perch::perch)
add_executable(static main.c)
target_link_libraries(static perch::perch_static)
END

"$cmake" --install "$build" --prefix "$dir/moved" --component library > "$dir/log"
PKG_CONFIG_PATH=$(dirname "$(find "$dir/moved" -name perch.pc)")
export PKG_CONFIG_PATH
lib=$(pkg-config --variable=libdir perch)
# shellcheck disable=SC2046
${CC:-cc} -std=c99 -o "$dir/by-pkg-config" "$dir/main.c" $(pkg-config --cflags --libs perch)
"$cmake" -G Ninja -S "$dir" -B "$dir/b" -DCMAKE_PREFIX_PATH="$dir/moved" > "$dir/log" 2>&1 ||
    { cat "$dir/log"; exit 1; }
"$cmake" --build "$dir/b" > "$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }

for program in "$dir/by-pkg-config" "$dir/b/shared" "$dir/b/static"; do
    version=$(LD_LIBRARY_PATH=$lib "$program")
    [ "$version" = "$(pkg-config --modversion perch)" ] ||
        { echo "${program##*/} says \"$version\""; exit 1; }
done
done=1
