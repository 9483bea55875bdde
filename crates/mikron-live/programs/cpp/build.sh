exec g++ -O1 -o app main.cpp -lboost_program_options
