"""How each framework spells the operations of the IR: one package a framework."""
