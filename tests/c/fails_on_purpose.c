/* The harness itself: a failed check must make the test fail. CTest expects this program to fail.
 */
#include "check.h"

int main(void) {
  CHECK(1 + 1 == 3);
  return check_result();
}
