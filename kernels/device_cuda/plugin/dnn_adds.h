/* Does cuDNN add where a convolution's shape says so? Its beta does that by its documentation, but it refuses no plan for it whatever it is: one small
 * gradient of data in that type is computed on the device, once a device, and looked at. False also where that fails. Not in a recording. */
#ifndef ANL_DNN_ADDS_H
#define ANL_DNN_ADDS_H

#include "device.h"

bool anl__dnn_adds(anl_device *dev, anl_dtype type);

#endif
