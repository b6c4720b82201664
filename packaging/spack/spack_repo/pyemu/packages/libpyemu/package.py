"""The C and Fortran library for Spack: see docs/how-to/install.md."""

from spack.package import depends_on, find_libraries, license, variant, version
from spack_repo.builtin.build_systems.cmake import CMakePackage


class Libpyemu(CMakePackage):
    """Run a trained emulator inside a Fortran or C model, every time step."""

    # Built from a checkout: "spack dev-build libpyemu@0.1.0" in it. A release adds its address and checksum here.
    version("0.1.0")

    variant("mpi", default=True, description="Module pyemu_mpi: shared engines, one status for all ranks")
    variant("onnxruntime", default=True, description="Engine for ONNX Runtime, which is found at run time")

    license("Apache-2.0")

    depends_on("c", type="build")
    depends_on("fortran", type="build")
    depends_on("cmake@3.20:", type="build")
    depends_on("mpi@3:", when="+mpi")
    depends_on("py-onnxruntime@1.16:", type=("build", "run"), when="+onnxruntime")

    def cmake_args(self):
        """Say what is built; the tests need Python packages and stay out."""
        args = [
            self.define_from_variant("PYEMU_BUILD_MPI", "mpi"),
            self.define_from_variant("PYEMU_BUILD_ONNXRUNTIME", "onnxruntime"),
            self.define("PYEMU_BUILD_TESTS", False),
            self.define("PYEMU_BUILD_BENCHMARKS", False),
            self.define("PYEMU_BUILD_HOSTS", False),
        ]
        if self.spec.satisfies("+onnxruntime"):
            found = find_libraries("libonnxruntime", self.spec["py-onnxruntime"].prefix, shared=True, recursive=True)
            args.append(self.define("PYEMU_ORT_DIR", found.directories[0] if found else ""))
        return args
