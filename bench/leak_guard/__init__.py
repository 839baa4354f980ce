"""How well the leak guard tells hints that give a solution away from hints that do not."""
