#include "arcuate/dwi/bootstrap.hpp"
#include "devices.hpp"
#include "simulate.hpp"
TEST(A,B){}
