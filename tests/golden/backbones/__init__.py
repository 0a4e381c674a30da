# SPDX-License-Identifier: Apache-2.0
"""Golden files of the backbones other than BERT: a file per architecture, the methods and tasks that they share."""
